"""Distributions of measures over texts, as exact sums that can be added in any order.

A sum of floats depends on the order of its additions. A fixed tree over all texts would fix the
order, but every process would have to follow it. Instead, each value is rounded once, to a multiple
of 2**-24, and then all counts, sums and sums of squares are integers of any size. Sums of integers
do not depend on the order, so a corpus can be divided and added in any way. Mean and variance are
rounded only once more, at the end, from exact quotients, so there is no cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..shapes import Array, Float, Int
from .scales import STEP_BITS, Scale

_HALF = 24
_LOW = (1 << _HALF) - 1
# The squares of this number of 24-bit halves have a sum below 2**63.
_MOST_AT_ONCE = 1 << 14
MOST_VALUE = 2.0**22
"""Larger values are refused, so that all numbers of steps fit in two halves of 24 bits."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """The distribution of one measure over texts, for each of several heads.

    Attributes:
        scale: its unit and bins.
        counts: number of texts with a value, for each head.
        sums: of the values, in steps of 2**-24, as Python integers.
        squares: sums of the squared numbers of steps.
        least, most: the smallest and the largest value, in steps; None without a value.
        histogram: number of values in each bin.
    """

    scale: Scale
    counts: tuple[int, ...]
    sums: tuple[int, ...]
    squares: tuple[int, ...]
    least: tuple[int | None, ...]
    most: tuple[int | None, ...]
    histogram: Int[Array, "heads bins"]

    @classmethod
    def of(cls, scale: Scale, values: Float[Array, "texts heads"]) -> Distribution:
        """Return the distribution of some values.

        Args:
            scale: their unit and bins.
            values: at least 0; NaN for a head without a value in a text.

        Raises:
            ConfigError: a value is infinite, below 0, or above 2**22.
        """
        there = ~np.isnan(values)
        if not bool(((values >= 0) & (values <= MOST_VALUE) | ~there).all()):
            raise ConfigError(
                f"A measure of a head lies from 0 to {MOST_VALUE:,.0f}; "
                f"{np.nanmin(values):g} to {np.nanmax(values):g} came."
            )
        steps = np.rint(np.where(there, values, 0.0) * 2.0**STEP_BITS).astype(np.int64)
        heads = values.shape[1]
        histogram = np.zeros((heads, scale.bins), np.int64)
        texts, columns = np.nonzero(there)
        np.add.at(histogram, (columns, scale.places(steps[texts, columns])), 1)
        columns_of_steps = [steps[there[:, head], head] for head in range(heads)]
        return cls(
            scale,
            tuple(len(column) for column in columns_of_steps),
            tuple(_sum(column) for column in columns_of_steps),
            tuple(_sum_of_squares(column) for column in columns_of_steps),
            tuple(int(column.min()) if len(column) else None for column in columns_of_steps),
            tuple(int(column.max()) if len(column) else None for column in columns_of_steps),
            histogram,
        )

    @property
    def heads(self) -> int:
        """The number of heads."""
        return len(self.counts)

    def __add__(self, other: Distribution) -> Distribution:
        """Return the distribution over the texts of both; heads and scale must be the same."""
        return Distribution(
            self.scale,
            _sums(self.counts, other.counts),
            _sums(self.sums, other.sums),
            _sums(self.squares, other.squares),
            _extremes(min, self.least, other.least),
            _extremes(max, self.most, other.most),
            self.histogram + other.histogram,
        )

    @property
    def means(self) -> list[float | None]:
        """The mean for each head, correctly rounded; None without a value."""
        return [
            total / (count << STEP_BITS) if count else None
            for count, total in zip(self.counts, self.sums, strict=True)
        ]

    @property
    def variances(self) -> list[float | None]:
        """The variance for each head (divided by n), correctly rounded; None without a value."""
        return [
            (count * square - total * total) / (count * count << 2 * STEP_BITS) if count else None
            for count, total, square in zip(self.counts, self.sums, self.squares, strict=True)
        ]

    @property
    def minima(self) -> list[float | None]:
        """The smallest value for each head."""
        return [None if one is None else one / (1 << STEP_BITS) for one in self.least]

    @property
    def maxima(self) -> list[float | None]:
        """The largest value for each head."""
        return [None if one is None else one / (1 << STEP_BITS) for one in self.most]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the scale in JSON's types; histograms have only non-empty bins."""
        return {
            "counts": list(self.counts),
            "sums": list(self.sums),
            "squares": list(self.squares),
            "least": list(self.least),
            "most": list(self.most),
            "histogram": [
                {str(place): int(row[place]) for place in np.nonzero(row)[0]}
                for row in self.histogram
            ],
        }

    @classmethod
    def from_dict(cls, scale: Scale, content: Mapping[str, Any]) -> Distribution:
        """Return the distribution written by `to_dict`.

        Raises:
            KeyError, TypeError, ValueError, IndexError: the content was not written by it.
        """
        rows = content["histogram"]
        histogram = np.zeros((len(rows), scale.bins), np.int64)
        for head, row in enumerate(rows):
            for place, count in row.items():
                histogram[head, int(place)] = count
        columns: list[tuple[Any, ...]] = [
            tuple(content[name]) for name in ("counts", "sums", "squares", "least", "most")
        ]
        if any(len(column) != len(rows) for column in columns):
            raise ValueError("columns of several lengths")
        counts, sums, squares, least, most = columns
        return cls(scale, counts, sums, squares, least, most, histogram)


def _sum(steps: Int[Array, "values"]) -> int:
    """Return the exact sum of integers from 0 to 2**46."""
    starts = range(0, len(steps), _MOST_AT_ONCE)
    return sum(int(steps[start : start + _MOST_AT_ONCE].sum()) for start in starts)


def _sum_of_squares(steps: Int[Array, "values"]) -> int:
    """Return the exact sum of the squares of integers from 0 to 2**46, by halves."""
    total = 0
    for start in range(0, len(steps), _MOST_AT_ONCE):
        some = steps[start : start + _MOST_AT_ONCE]
        high, low = some >> _HALF, some & _LOW
        crossed = int((high * low).sum()) << _HALF + 1
        total += (int((high * high).sum()) << 2 * _HALF) + crossed + int((low * low).sum())
    return total


def _sums(ours: Sequence[int], theirs: Sequence[int]) -> tuple[int, ...]:
    return tuple(one + other for one, other in zip(ours, theirs, strict=True))


def _extremes(
    choose: Any, ours: Sequence[int | None], theirs: Sequence[int | None]
) -> tuple[int | None, ...]:
    """Return the smaller or the larger value for each head; either may be missing."""
    return tuple(
        other if one is None else one if other is None else choose(one, other)
        for one, other in zip(ours, theirs, strict=True)
    )
