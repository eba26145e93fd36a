"""Variants of sentences as people type them: no final mark, lower case, no apostrophes.

A variant changes the source as a person would type it, and the target only if the translation
changes, too. A hash of the seed and the pair decides which variant a pair gets.
"""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ..text.corpus import Pair
from ..text.shares import number_of, position_of

_FINAL_MARK = re.compile(r"\s*[.!?]+$")
_ONE_MARK = re.compile(r"(?<![.!?\s])\s?([.!])$")
_SENTENCE_END = re.compile(r"[.!?]$")
_ANY_END = re.compile(r"[.!?…:;,]$")
_OPENING_QUOTE = re.compile(r"(?<!\S)\"|(?<=[(\[])\"")
_ENGLISH_I = re.compile(r"\bi\b")
_SAMPLE = 20_000


class Sides(NamedTuple):
    """The language of each side of a pair."""

    source: str
    target: str


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _changed(pair: Pair, source: str, target: str | None = None) -> Pair | None:
    """Return a pair with another source; None if nothing changes or a side is empty."""
    variant = Pair(source, pair.target if target is None else target)
    return variant if source and variant.target and variant != pair else None


def no_mark(pair: Pair, sides: Sides) -> Pair | None:
    """Drop the final mark of both sides if both have one."""
    if not all(_SENTENCE_END.search(text) for text in pair):
        return None
    return _changed(pair, *(_FINAL_MARK.sub("", text) for text in pair))


def other_mark(pair: Pair, sides: Sides) -> Pair | None:
    """Swap full stop and exclamation mark at the end of both sides."""
    marks = [_ONE_MARK.search(text) for text in pair]
    if not (marks[0] and marks[1]) or marks[0][1] != marks[1][1]:
        return None
    mark = "." if marks[0][1] == "!" else "!"
    ends = [" !" if mark == "!" and language == "fr" else mark for language in sides]
    source, target = (_FINAL_MARK.sub("", text) + end for text, end in zip(pair, ends, strict=True))
    return _changed(pair, source, target)


def lower(pair: Pair, sides: Sides) -> Pair | None:
    """Write the source in lower case; the target stays unchanged."""
    return _changed(pair, pair.source.lower())


def lower_no_mark(pair: Pair, sides: Sides) -> Pair | None:
    """Write the source in lower case, and drop the final mark of both sides."""
    variant = no_mark(pair, sides)
    if variant is None:
        return None
    return _changed(variant, variant.source.lower()) or variant


def small_names(pair: Pair, sides: Sides) -> Pair | None:
    """Write the source in lower case, except for its first letter and the English "I"."""
    text = pair.source.lower()
    if sides.source == "en":
        text = _ENGLISH_I.sub("I", text)
    return _changed(pair, _capital(text))


def upper(pair: Pair, sides: Sides) -> Pair | None:
    """Write both sides in capitals."""
    return _changed(pair, pair.source.upper(), pair.target.upper())


def title(pair: Pair, sides: Sides) -> Pair | None:
    """Capitalise each word of the source; French titles, as targets, keep a single capital."""
    return _changed(pair, " ".join(map(_capital, pair.source.split(" "))))


def no_apostrophes(pair: Pair, sides: Sides) -> Pair | None:
    """Drop the apostrophes of the source: "dont"."""
    return _changed(pair, pair.source.replace("'", ""))


def curly(pair: Pair, sides: Sides) -> Pair | None:
    """Write the source with curly quotes and apostrophes, as word processors do."""
    text = _OPENING_QUOTE.sub("“", pair.source).replace('"', "”")
    return _changed(pair, text.replace("'", "’"))


def decomposed(pair: Pair, sides: Sides) -> Pair | None:
    """Write the accents of the source as separate characters (NFD)."""
    return _changed(pair, unicodedata.normalize("NFD", pair.source))


def capital(pair: Pair, sides: Sides) -> Pair | None:
    """Begin both sides with a capital."""
    return _changed(pair, *map(_capital, pair))


def full_stop(pair: Pair, sides: Sides) -> Pair | None:
    """End both sides with a full stop if neither has a mark."""
    if any(_ANY_END.search(text) for text in pair) or not pair.source[:1].isalpha():
        return None
    return _changed(pair, *(f"{text}." for text in pair))


def sentence(pair: Pair, sides: Sides) -> Pair | None:
    """Begin both sides with a capital and end them with a full stop, if neither has a mark."""
    variant = full_stop(pair, sides)
    return variant and Pair(*map(_capital, variant))


SIMPLE: Mapping[str, Callable[[Pair, Sides], Pair | None]] = {
    rule.__name__: rule
    for rule in (
        no_mark, other_mark, lower, lower_no_mark, small_names, upper, title, no_apostrophes,
        curly, decomposed, capital, full_stop, sentence,
    )
}  # fmt: skip
"""The variants of a single pair by name. ``several`` is another one, which needs other pairs."""
SEVERAL = "several"


class Sample:
    """A fair sample of the pairs that may be joined with others in one line.

    It consists of the pairs with the lowest hashes, so the order of pairs does not matter.
    """

    def __init__(self, pairs: Iterable[Pair], seed: int, size: int = _SAMPLE) -> None:
        ends = (pair for pair in pairs if all(_SENTENCE_END.search(text) for text in pair))
        numbers = ((number_of(f"{seed} sample", *pair), pair) for pair in ends)
        self._pairs = [pair for _, pair in heapq.nsmallest(size, numbers)]

    def join(self, pair: Pair, seed: int) -> Pair | None:
        """Join a pair with one or two of the sample; return None if it is not a sentence."""
        if not self._pairs or not all(_SENTENCE_END.search(text) for text in pair):
            return None
        count = 2 if position_of(f"{seed} partners", *pair) < 1 / 3 else 1
        partners = [
            self._pairs[number_of(f"{seed} partner {i}", *pair) % len(self._pairs)]
            for i in range(count)
        ]
        sources, targets = zip(pair, *partners, strict=True)
        return Pair(" ".join(sources), " ".join(targets))


def variant_of(
    pair: Pair, sides: Sides, shares: Mapping[str, float], seed: int, sample: Sample | None
) -> tuple[str, Pair] | None:
    """Return the variant of a pair and its kind.

    Args:
        pair: in the direction of training.
        sides: the languages of its sides.
        shares: of the pairs that get each kind of variant; together at most 1.
        seed: decides which pairs get which kind.
        sample: for ``several``.

    Returns:
        The kind and the variant; None if the pair is beyond all shares, or has no such variant.
    """
    position = position_of(f"{seed} variant", *pair)
    for kind, share in shares.items():
        if position < share:
            variant = (
                SIMPLE[kind](pair, sides) if kind != SEVERAL else sample and sample.join(pair, seed)
            )
            return (kind, variant) if variant else None
        position -= share
    return None
