"""Say what a review found, as a teacher would."""

from __future__ import annotations

import textwrap

from .diagnose import Diagnosis, diagnose
from .subject import Review
from .subjects import SUBJECTS

_WIDTH = 92


def report(file: str, review: Review) -> tuple[list[str], bool]:
    """Return the lines of a report, and whether everything is right.

    Args:
        file: the name of the learner's file.
        review: how it ran.
    """
    if review.problem:
        where = f", line {review.line[0]}" if review.line else ""
        lines = [f"{file}{where}: {review.problem}."]
        return [*lines, *([f"    {review.line[1]}"] if review.line else [])], False
    if not review.outcomes:
        return _nothing(file, review), False
    lines, is_right = [], True
    for subject in SUBJECTS:
        if subject.name in review.outcomes:
            diagnosis = diagnose(subject, review.outcomes[subject.name])
            is_right &= diagnosis.is_right
            lines += [*([""] if lines else []), *_of(review.names[subject.name], diagnosis)]
    return lines, is_right


def _nothing(file: str, review: Review) -> list[str]:
    others = ", ".join(review.functions) or "none"
    return [
        f"{file} has no function that can be checked; its functions: {others}. Name one of them:",
        *[f"    {subject.signature}" for subject in SUBJECTS],
    ]


def _of(name: str, diagnosis: Diagnosis) -> list[str]:
    if diagnosis.is_right:
        lines = [f"{name}: right in {diagnosis.cases} cases."]
        if diagnosis.notes:
            lines = [f"{name}: right."]
    else:
        lines = [f"{name}: not right yet."]
    for mistake in diagnosis.mistakes:
        lines += _paragraph(f"{mistake.finding} {mistake.advice}".rstrip())
    if diagnosis.reproductions:
        names = " and ".join(mistake.name for mistake in diagnosis.mistakes)
        lines += _paragraph(
            f"[{names}: made on purpose, this gives all of your numbers in "
            f"{diagnosis.reproductions} cases]"
        )
    for finding in diagnosis.findings:
        lines += _paragraph(finding)
    for note in diagnosis.notes:
        lines += _paragraph(f"Worth knowing: {note}")
    return lines


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
