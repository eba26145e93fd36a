"""Say what a review found, as a teacher would."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .._text import Text, text
from .diagnose import Diagnosis, diagnose
from .subject import Review
from .subjects import SUBJECTS

_WIDTH = 92


def report(file: str, review: Review, language: str = "en") -> tuple[list[str], bool]:
    """Return the lines of a report, and whether everything is right.

    Args:
        file: the name of the learner's file.
        review: how it ran.
        language: "en" or "pt".
    """
    if review.problem:
        return [line.within(language) for line in _problem(file, review)], False
    if not review.outcomes:
        return _nothing(file, review, language), False
    lines: list[str] = []
    is_right = True
    for subject in SUBJECTS:
        if subject.name in review.outcomes:
            diagnosis = diagnose(subject, review.outcomes[subject.name])
            is_right &= diagnosis.is_right
            lines += [
                *([""] if lines else []),
                *_of(review.names[subject.name], diagnosis, language),
            ]
    return lines, is_right


def _problem(file: str, review: Review) -> list[Text]:
    if review.line is None:
        return [text("{file}: {problem}.", "{file}: {problem}.", file=file, problem=review.problem)]
    number, line = review.line
    where = text(
        "{file}, line {number}: {problem}.",
        "{file}, linha {number}: {problem}.",
        file=file,
        number=number,
        problem=review.problem,
    )
    return [where, text("    {line}", "    {line}", line=line)]


def _nothing(file: str, review: Review, language: str) -> list[str]:
    functions = ", ".join(review.functions)
    first = text(
        "{file} has no function that can be checked; its functions: {functions}. Name one of them:",
        "{file} não tem nenhuma função que se possa conferir; as funções dele: {functions}. "
        "Dê a uma delas um destes nomes:",
        file=file,
        functions=Text(functions, functions) if functions else text("none", "nenhuma"),
    )
    return [first.within(language), *[f"    {subject.signature}" for subject in SUBJECTS]]


def _of(name: str, diagnosis: Diagnosis, language: str) -> list[str]:
    if not diagnosis.is_right:
        verdict = text("{name}: not right yet.", "{name}: ainda não.", name=name)
    elif diagnosis.notes:
        verdict = text("{name}: right.", "{name}: certa.", name=name)
    else:
        verdict = text(
            "{name}: right in {cases} cases.",
            "{name}: certa em {cases} casos.",
            name=name,
            cases=diagnosis.cases,
        )
    paragraphs = [mistake.finding + mistake.advice for mistake in diagnosis.mistakes]
    if diagnosis.reproductions:
        paragraphs.append(
            text(
                "[{names}: made on purpose, this gives all of your numbers in {cases} cases]",
                "[{names}: feito de propósito, isso dá todos os seus números em {cases} casos]",
                names=_joint([mistake.name for mistake in diagnosis.mistakes]),
                cases=diagnosis.reproductions,
            )
        )
    paragraphs += diagnosis.findings
    paragraphs += [
        text("Worth knowing: {note}", "Vale saber: {note}", note=note) for note in diagnosis.notes
    ]
    lines = [line for one in paragraphs for line in _paragraph(one.within(language))]
    return [verdict.within(language), *lines]


def _joint(names: Sequence[Text]) -> Text:
    whole = names[0]
    for name in names[1:]:
        whole = text("{whole} and {name}", "{whole} e {name}", whole=whole, name=name)
    return whole


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
