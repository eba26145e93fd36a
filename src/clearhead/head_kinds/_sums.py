"""Totals of weights over the queries of texts, whose quotients are the scores of heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..shapes import Array, Bool, Float, Int

LOCAL = 4
SCARCE = 4
LEAST_QUERIES = 3
# These may be a head's main share; locality and evenness are weaker evidence.
SHARES = ("previous", "next", "same", "first", "last", "duplicate", "induction", "aligned")
MEASURES = (*SHARES, "local", "even")
# With fewer queries there is no share.
_LEAST_OF_A_SHARE = 2
# Totals are multiples of this, so that sums of them are exact up to 2**29 queries.
_STEP = 2.0**-24


class PlaceWeights(NamedTuple):
    """The weights of queries on a set of keys, and how many of these they may attend to.

    Attributes:
        weights: Float["heads queries"], the sum over the keys.
        counts: Int["heads queries"], the number of these keys that the query may attend to.
    """

    weights: Float[Array, "heads queries"]
    counts: Int[Array, "#heads queries"]


@dataclass(frozen=True, eq=False)
class HeadWeights:
    """What the measures of some heads need from the weights of one text.

    Attributes:
        positions: the weights on the key before the query's own, on the one after it, on its own,
            on the first and on the last key of the text.
        visible: how many keys each query may attend to.
        entropy: of each query, in nats.
        largest: the largest weight that each key gets.
        attendable: how many keys some query may attend to.
        cross: whether queries and keys are of two sequences.
        offset: the key at which query 0 stands, of self-attention.
        places: the weights on several keys, for some of ``local``, ``duplicate``, ``induction``.
        in_text: False for queries that are padding; None where there are none.
        ends: the first and the last key of the text; None where no key is padding.
    """

    positions: Float[Array, "heads queries 5"]
    visible: Int[Array, "heads queries"]
    entropy: Float[Array, "heads queries"]
    largest: Float[Array, "heads keys"]
    attendable: Int[Array, "heads"]
    cross: bool
    offset: int = 0
    places: Mapping[str, PlaceWeights] = field(default_factory=dict)
    in_text: Bool[Array, "queries"] | None = None
    ends: tuple[int, int] | None = None

    @classmethod
    def of(
        cls,
        weights: Float[Array, "heads queries keys"],
        visible: Bool[Array, "heads queries keys"],
        *,
        cross: bool,
        ids: Int[Array, "keys"] | None = None,
    ) -> HeadWeights:
        """Compute this from whole weights.

        Args:
            weights: of each query, for each key.
            visible: whether a query may attend to a key.
            cross: whether queries and keys are of two sequences.
            ids: of the tokens of self-attention; None leaves out the measures over tokens.
        """
        heads, queries, keys = weights.shape
        positions = np.zeros((heads, queries, 5))
        rows = np.arange(queries)
        for place, distance in enumerate((-1, 1, 0)):
            inside = (rows + distance >= 0) & (rows + distance < keys)
            at = rows[inside]
            positions[:, at, place] = weights[:, at, at + distance]
        positions[..., 3], positions[..., 4] = weights[..., 0], weights[..., -1]
        positive = np.where(weights > 0, weights, 1.0)
        return cls(
            positions,
            visible.sum(axis=-1),
            entropy=0.0 - (positive * np.log(positive)).sum(axis=-1),
            largest=weights.max(axis=1),
            attendable=visible.any(axis=1).sum(axis=-1),
            cross=cross,
            places={} if cross else _places(weights, visible, ids),
        )


def _places(
    weights: Float[Array, "heads queries keys"],
    visible: Bool[Array, "heads queries keys"],
    ids: Int[Array, "keys"] | None,
) -> dict[str, PlaceWeights]:
    """Return the weights of self-attention on several keys, of whole weights."""
    queries, keys = weights.shape[1:]
    query, key = np.arange(queries)[:, None], np.arange(keys)
    masks = {"local": abs(query - key) <= LOCAL}
    if ids is not None:
        tokens = np.asarray(ids)
        alike = tokens[:queries, None] == tokens
        before = np.roll(alike, 1, axis=1)  # whether the token before a key is the query's
        masks["duplicate"] = alike & (key < query)
        masks["induction"] = before & (key < query) & (key > 0)
    return {
        name: PlaceWeights((weights * mask).sum(-1), (visible & mask).sum(-1))
        for name, mask in masks.items()
    }


@dataclass(frozen=True, eq=False)
class HeadSums:
    """Totals of some heads over the queries of one text or many; scores are their quotients.

    Attributes:
        totals: for each measure, the sum over the queries that count: Float["heads"].
        counts: for each measure, how many these are: Float["heads"].
        queries: how many queries may attend to more than one key: Float["heads"].
    """

    totals: Mapping[str, Float[Array, "heads"]]
    counts: Mapping[str, Float[Array, "heads"]]
    queries: Float[Array, "heads"]

    @classmethod
    def of(cls, text: HeadWeights) -> HeadSums:
        """Return the sums over one text."""
        queries = text.visible.shape[-1]
        begin, end = text.ends or (0, text.largest.shape[-1] - 1)
        in_text = np.ones(queries, bool) if text.in_text is None else text.in_text
        choosing = (text.visible > 1) & in_text
        place = np.arange(queries) + text.offset
        sums: dict[str, tuple[Array, Array]] = {}

        def add(name: str, values: Array, counting: Array) -> None:
            sums[name] = np.where(counting, values, 0.0).sum(axis=-1), counting.sum(axis=-1)

        apart = (np.ones(queries, bool),) * 2
        if not text.cross:
            for at, name, inside in (
                (0, "previous", (place > begin) & (place <= end + 1)),
                (1, "next", (place + 1 >= begin) & (place < end)),
                (2, "same", (place >= begin) & (place <= end)),
            ):
                add(name, text.positions[..., at], choosing & inside)
            apart = place >= begin + 2, place <= end - 2
        add("first", text.positions[..., 3], choosing & apart[0])
        add("last", text.positions[..., 4], choosing & apart[1])
        for name, (weights, several) in text.places.items():
            scarce = (several > 0) & (text.visible >= SCARCE * several)
            add(name, weights, choosing & scarce)
        if text.cross:
            seeing = ((text.visible > 0) & in_text).sum(axis=-1)
            least = np.minimum(seeing, text.attendable)
            least = np.where(least >= LEAST_QUERIES, least, 0)
            sums["aligned"] = np.where(least > 0, text.largest.sum(axis=-1), 0.0), least
        add("even", text.entropy / np.log(np.maximum(text.visible, 2)), choosing)
        totals = {name: total for name, (total, _) in sums.items()}
        counts = {name: count.astype(float) for name, (_, count) in sums.items()}
        return cls(totals, counts, choosing.sum(axis=-1).astype(float))

    def rounded(self) -> HeadSums:
        """Return totals rounded to multiples of 2**-24.

        Sums of such numbers are exact up to 2**29 queries, so the order of adding texts does not
        matter. A total moves by at most 2**-25.
        """
        totals = {name: np.rint(total / _STEP) * _STEP for name, total in self.totals.items()}
        return HeadSums(totals, self.counts, self.queries)

    def __add__(self, other: HeadSums) -> HeadSums:
        """Return the sums over the texts of both, which must have the same measures."""
        return HeadSums(
            {name: total + other.totals[name] for name, total in self.totals.items()},
            {name: count + other.counts[name] for name, count in self.counts.items()},
            self.queries + other.queries,
        )

    def scores(self) -> dict[str, Float[Array, "heads"]]:
        """Return each measure that applies here; NaN if too few queries count."""
        least = {"even": 1, "aligned": LEAST_QUERIES}
        return {
            name: np.where(
                self.counts[name] >= least.get(name, _LEAST_OF_A_SHARE),
                np.clip(self.totals[name] / np.maximum(self.counts[name], 1), 0.0, 1.0),
                np.nan,
            )
            for name in MEASURES
            if name in self.totals
        }
