"""What is wrong with a translation at first sight: repeated, far too long, empty, mixed address."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .everyday import normalise
from .words import words

LONGEST_PHRASE = 4  # words of a phrase that is looked for twice in a row
LONG = 2.0  # times the longer of source and reference, in characters

# "Nous nous levons": a subject and its own object.
_TWICE = {"nous", "vous"}
_TU = re.compile(r"\b(?:tu|te|toi|ton|ta|tes|t'\w+)\b|-t'en\b", re.IGNORECASE)
_VOUS = re.compile(r"\b(?:vous|votre|vos)\b", re.IGNORECASE)


def repeats(text: str, source: str) -> list[str]:
    """Return the words and phrases that stand twice in a row, unless the source repeats, too."""
    return [] if _repeats(source) else _repeats(text)


def _repeats(text: str) -> list[str]:
    phrases: list[str] = []
    # A mark between two equal words separates them: "Non, non".
    for stretch in re.split(r"[^\w\s'-]+", normalise(text).lower()):
        tokens = [word for word, _ in words(stretch)]
        start = 0
        while start < len(tokens):
            length = _repeated_length(tokens, start)
            if length:
                phrases.append(" ".join(tokens[start : start + length]))
            # Behind the first copy: what follows a third one is no phrase of its own.
            start += length or 1
    return phrases


def _repeated_length(tokens: Sequence[str], start: int) -> int:
    """Return the length of the shortest phrase that stands twice in a row from a place on, or 0."""
    for length in range(1, LONGEST_PHRASE + 1):
        phrase = tokens[start : start + length]
        copy = tokens[start + length : start + 2 * length]
        if phrase == copy and set(phrase) - _TWICE:
            return length
    return 0


def is_long(text: str, source: str, references: Sequence[str]) -> bool:
    """Return whether a text has over twice the characters of its source and every reference."""
    return len(text) > LONG * max(map(len, (source, *references)))


def is_empty(text: str, source: str) -> bool:
    """Return whether a text has no letter or digit although its source has some."""
    return not any(map(str.isalnum, text)) and any(map(str.isalnum, source))


def address(text: str) -> str | None:
    """Return how a text addresses the reader: "tu", "vous", "both", or None.

    Pronouns and possessives tell; an imperative alone does not.
    """
    text = normalise(text)
    informal, formal = bool(_TU.search(text)), bool(_VOUS.search(text))
    if informal and formal:
        return "both"
    return "tu" if informal else "vous" if formal else None
