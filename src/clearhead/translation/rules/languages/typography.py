"""Marks of the source as they are written in the target: « oui » ! becomes “yes”! in English."""

from __future__ import annotations

import re

from .language import Language

_SPACES = "[ \u00a0\u202f\u2009]"
_BEFORE_MARK = re.compile(rf"{_SPACES}+(?=[!?;:](?!\w))")
_OPENING, _CLOSING = re.compile(rf"«{_SPACES}?"), re.compile(rf"{_SPACES}?»")


def write_marks(marks: str, source: Language, target: Language) -> str:
    """Return the marks around or before a sentence as its translation should have them.

    Args:
        marks: of the source: a frame, what stands before a sentence, a mark that was taken out.
        source: their language.
        target: the language that they come to. If both have the same custom, or there is no rule,
            nothing changes.
    """
    if not source.has_spaced_marks or target.quotes is None:
        return marks
    opening, closing = target.quotes
    closed_up = _BEFORE_MARK.sub("", marks)
    return _CLOSING.sub(closing, _OPENING.sub(opening, closed_up))
