"""Which words of a translation belong to which words of its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...shapes import Array

WORD = re.compile(r"\w+(?:['’-]\w+)*")
# "l'homme" is two words where elision is known.
_ELISION = r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['’](?=\w)"
ELIDED_WORD = re.compile(rf"(?i)(?<!\w){_ELISION}|{WORD.pattern}")


@dataclass(frozen=True)
class Links:
    """The words of a translation, and the word of its source that each belongs to.

    Attributes:
        source, target: start and end of each word in its text.
        source_words: for each word of the target the number of a word of the source.
    """

    source: tuple[tuple[int, int], ...]
    target: tuple[tuple[int, int], ...]
    source_words: tuple[int, ...]

    def targets_of(self, start: int, end: int) -> list[int]:
        """Return the words of the target that draw on the source's characters start to end."""
        words = {i for i, (a, b) in enumerate(self.source) if a < end and start < b}
        return [place for place, word in enumerate(self.source_words) if word in words]


def link_words(
    source: str,
    target: str,
    weights: Array | None,
    source_ends: Sequence[int] = (),
    target_ends: Sequence[int] = (),
    *,
    source_word: re.Pattern[str] = WORD,
) -> Links:
    """Link words by attention, or by their positions without it.

    Args:
        source, target: the texts.
        weights: Float["target_tokens source_tokens"], cross-attention; None links by place.
        source_ends, target_ends: where in its text each token ends.
        source_word: what a word of the source is.
    """
    rows = [match.span() for match in WORD.finditer(target)]
    columns = [match.span() for match in source_word.finditer(source)]
    if weights is None or not rows or not columns:
        count, most = len(columns), max(len(rows) - 1, 1)
        words = [round(i * (count - 1) / most) for i in range(len(rows))] if count else []
        return Links(tuple(columns), tuple(rows) if count else (), tuple(words))
    # The attention between words is the sum over their tokens; each word is linked to the
    # strongest.
    by_word = _membership(rows, target_ends) @ weights @ _membership(columns, source_ends).T
    return Links(tuple(columns), tuple(rows), tuple(by_word.argmax(axis=1).tolist()))


def _membership(words: Sequence[tuple[int, int]], ends: Sequence[int]) -> Array:
    """Return 1 where a token has a character of a word, Float["words tokens"]."""
    starts = [0, *ends[:-1]]
    return np.array(
        [
            [float(start < last and first < end) for start, end in zip(starts, ends, strict=True)]
            for first, last in words
        ]
    ).reshape(len(words), len(ends))
