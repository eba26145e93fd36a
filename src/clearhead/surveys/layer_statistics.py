"""Statistics of the heads of one attention over texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..head_kinds import KINDS, HeadSums, ScoredHead, scored_heads
from ..shapes import Array, Int
from .distribution import Distribution
from .reading import LayerReading
from .scales import SCALES, STEP_BITS

ROWS = (*KINDS, None)
"""The possible kinds of a head in a text; None means no kind."""


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """Statistics of one attention's heads over texts.

    Attributes:
        attention: ``self`` or ``cross``.
        kernels: that computed the attention.
        texts: number of texts in which it was read.
        measures: the distribution of each measure over texts.
        kinds: Int["heads kinds"], the number of texts in which each head was of each kind of
            `clearhead.head_kinds.KINDS`; the last column is for no kind.
        totals: for each score, the sums over all counted queries, in steps of 2**-24.
        counts: for each score, the numbers of counted queries.
        queries: the numbers of queries that had a choice of keys.
    """

    attention: str
    kernels: tuple[str, ...]
    texts: int
    measures: Mapping[str, Distribution]
    kinds: Int[Array, "heads kinds"]
    totals: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, tuple[int, ...]]
    queries: tuple[int, ...]

    @classmethod
    def of(cls, name: str, readings: Sequence[LayerReading]) -> LayerStatistics:
        """Return the statistics of one attention over some texts.

        Raises:
            ConfigError: the attention differs between texts in kind or number of heads.
        """
        first = readings[0]
        heads = len(first.sums.queries)
        for one in readings:
            if (one.attention, len(one.sums.queries)) != (first.attention, heads):
                raise ConfigError(_unlike(name, first.attention, heads, one))
        kinds = np.zeros((heads, len(ROWS)), np.int64)
        for one in readings:
            for head, kind in enumerate(one.kinds):
                kinds[head, ROWS.index(kind)] += 1
        nothing = np.full(heads, np.nan)
        names = [one for one in SCALES if any(one in reading.values for reading in readings)]
        scores = sorted({score for one in readings for score in one.sums.totals})
        return cls(
            first.attention,
            tuple(sorted({one.kernel for one in readings})),
            len(readings),
            {
                measure: Distribution.of(
                    SCALES[measure],
                    np.stack([one.values.get(measure, nothing) for one in readings]),
                )
                for measure in names
            },
            kinds,
            {
                score: _total([one.sums.totals.get(score) for one in readings], heads, STEP_BITS)
                for score in scores
            },
            {
                score: _total([one.sums.counts.get(score) for one in readings], heads)
                for score in scores
            },
            _total([one.sums.queries for one in readings], heads),
        )

    @property
    def heads(self) -> int:
        """The number of heads."""
        return len(self.queries)

    def scored(self) -> list[ScoredHead]:
        """Return the kind of each head over all queries of all texts."""
        totals = {
            name: np.array([total / (1 << STEP_BITS) for total in values])
            for name, values in self.totals.items()
        }
        counts = {name: np.array(values, float) for name, values in self.counts.items()}
        return scored_heads(HeadSums(totals, counts, np.array(self.queries, float)))

    def merged(self, name: str, other: LayerStatistics) -> LayerStatistics:
        """Return the statistics over the texts of both.

        Raises:
            ConfigError: the attentions differ in kind or number of heads.
        """
        if (self.attention, self.heads) != (other.attention, other.heads):
            raise ConfigError(
                f"{name!r} is {self.attention}-attention of {self.heads} heads in one survey, and "
                f"{other.attention}-attention of {other.heads} in the other: they are of two "
                "models."
            )
        nothing = (0,) * self.heads
        return LayerStatistics(
            self.attention,
            tuple(sorted({*self.kernels, *other.kernels})),
            self.texts + other.texts,
            {
                measure: _both(self.measures.get(measure), other.measures.get(measure))
                for measure in SCALES
                if measure in self.measures or measure in other.measures
            },
            self.kinds + other.kinds,
            _both_sums(self.totals, other.totals, nothing),
            _both_sums(self.counts, other.counts, nothing),
            tuple(map(sum, zip(self.queries, other.queries, strict=True))),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics in JSON's types."""
        return {
            "attention": self.attention,
            "kernels": list(self.kernels),
            "texts": self.texts,
            "measures": {name: one.to_dict() for name, one in self.measures.items()},
            "kinds": self.kinds.tolist(),
            "totals": {name: list(values) for name, values in self.totals.items()},
            "counts": {name: list(values) for name, values in self.counts.items()},
            "queries": list(self.queries),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> LayerStatistics:
        """Return the statistics written by `to_dict`.

        Raises:
            KeyError, TypeError, ValueError, IndexError: the content was not written by it.
        """
        queries = tuple(content["queries"])
        kinds = np.array(content["kinds"], np.int64).reshape(len(queries), len(ROWS))
        return cls(
            content["attention"],
            tuple(content["kernels"]),
            content["texts"],
            {
                name: Distribution.from_dict(SCALES[name], content["measures"][name])
                for name in SCALES
                if name in content["measures"]
            },
            kinds,
            {name: tuple(values) for name, values in sorted(content["totals"].items())},
            {name: tuple(values) for name, values in sorted(content["counts"].items())},
            queries,
        )


def _unlike(name: str, attention: str, heads: int, other: LayerReading) -> str:
    return (
        f"{name!r} is {attention}-attention of {heads} heads in one text and "
        f"{other.attention}-attention of {len(other.sums.queries)} in another, and has no "
        "statistics therefore. Leave it out with --layers."
    )


def _total(values: Sequence[Array | None], heads: int, bits: int = 0) -> tuple[int, ...]:
    """Return for each head the exact sum over texts of multiples of 2**-bits."""
    rows = [np.zeros(heads) if one is None else one for one in values]
    steps = np.rint(np.stack(rows) * 2.0**bits).astype(np.int64)
    return tuple(map(int, steps.sum(0)))


def _both(ours: Distribution | None, theirs: Distribution | None) -> Distribution:
    one = ours or theirs
    assert one is not None
    return ours + theirs if ours and theirs else one


def _both_sums(
    ours: Mapping[str, tuple[int, ...]],
    theirs: Mapping[str, tuple[int, ...]],
    nothing: tuple[int, ...],
) -> dict[str, tuple[int, ...]]:
    """Return sums of integers by name and head; missing ones count as 0."""
    return {
        name: tuple(map(sum, zip(ours.get(name, nothing), theirs.get(name, nothing), strict=True)))
        for name in sorted({*ours, *theirs})
    }
