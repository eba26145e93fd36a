"""What kind a head is, as numbers: shares of its weight, and how evenly it is spread.

Of self-attention, where query i stands at key i, the mean over queries of

previous   weights[i, i - 1]     next   weights[i, i + 1]     same   weights[i, i]
first      weights[i, 0]         last   weights[i, keys - 1]

where the last two leave out the queries whose own key, or the one beside it, is the first or the
last. Of cross-attention ``first`` and ``last`` are means over all queries, and

aligned    sum over keys of max over queries of weights[query, key], over min(queries, keys)

It is 1 where each query looks at one key and no two at the same, 1 / min(queries, keys) where all
look alike: a key counts once, however many queries look at it. And of both

even       the mean over queries of -sum w ln w, over ln of how many keys the query may attend to

A query that may attend to one key only has no choice and is left out of everything but
``aligned``. A head is of the kind of its largest share, if that is half of its weight or more:
Clark et al. 2019 (arXiv 1906.04341, section 3.1) call what puts more than half of its attention on
the previous or the next token heads that do so. Voita et al. 2019 (arXiv 1905.09418, section 4)
count instead for how many queries such a key has the largest weight, and ask for nine in ten.
Otherwise it is broad if ``even`` is 0.8 or more (they call heads of high entropy broad and give no
such bound; 0.8 is ours: of 10 keys, as even as if 6 had the same weight), or else mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from ...shapes import Array
from ..contract.first_screen.head_kinds import HeadKind, HeadMeasure, MeasuredHead

SHARE = 0.5
EVEN = 0.8
LEAST_QUERIES = 3
# Below this many queries a share is not said.
_LEAST_OF_A_SHARE = 2
_MEASURES: tuple[HeadMeasure, ...] = get_args(HeadMeasure.__value__)


@dataclass(frozen=True, eq=False)
class HeadWeights:
    """What the measures of some heads need of their weights.

    Attributes:
        positions: Float["heads queries 6"], the weights on the key before the query's own, on the
            one after it, on its own, on the first and on the last key, and how many keys the query
            may attend to.
        entropy: Float["heads queries"], in nats.
        largest: Float["heads keys"], the largest weight that each key gets.
        cross: whether queries and keys are of two sequences.
        offset: the key at which query 0 stands, of self-attention.
    """

    positions: Array
    entropy: Array
    largest: Array
    cross: bool
    offset: int = 0

    @classmethod
    def of(cls, weights: Array, visible: Array, *, cross: bool) -> HeadWeights:
        """Return this of whole weights.

        Args:
            weights: Float["heads queries keys"].
            visible: Bool["heads queries keys"], whether a query may attend to a key.
            cross: whether queries and keys are of two sequences.
        """
        heads, queries, keys = weights.shape
        positions = np.zeros((heads, queries, 6))
        rows = np.arange(queries)
        for place, distance in enumerate((-1, 1, 0)):
            inside = (rows + distance >= 0) & (rows + distance < keys)
            at = rows[inside]
            positions[:, at, place] = weights[:, at, at + distance]
        positions[..., 3], positions[..., 4] = weights[..., 0], weights[..., -1]
        positions[..., 5] = visible.sum(axis=-1)
        positive = np.where(weights > 0, weights, 1.0)
        entropy = 0.0 - (positive * np.log(positive)).sum(axis=-1)
        return cls(positions, entropy, weights.max(axis=1), cross)


def measured_heads(of: HeadWeights) -> list[MeasuredHead]:
    """Return the measures and the kind of each head."""
    numbers = measures(of)
    choosing = (of.positions[..., 5] > 1).sum(axis=-1)
    return [
        _head({name: values[head] for name, values in numbers.items()}, int(choosing[head]))
        for head in range(len(choosing))
    ]


def measures(of: HeadWeights) -> dict[HeadMeasure, Array]:
    """Return each measure that means something here, Float["heads"]; NaN where it says nothing."""
    _, queries, _ = of.positions.shape
    keys = of.largest.shape[-1]
    choosing = of.positions[..., 5] > 1
    place = np.arange(queries) + of.offset
    everywhere = np.ones(queries, bool)
    wide = np.log(np.maximum(of.positions[..., 5], 2))
    shares: dict[HeadMeasure, Array] = {}
    if of.cross:
        if min(queries, keys) >= LEAST_QUERIES:
            shares["aligned"] = of.largest.sum(axis=-1) / min(queries, keys)
        apart = {"first": everywhere, "last": everywhere}
    else:
        for at, name, inside in (
            (0, "previous", (place >= 1) & (place <= keys)),
            (1, "next", place + 1 < keys),
            (2, "same", place < keys),
        ):
            shares[name] = _mean(of.positions[..., at], choosing & inside)  # type: ignore[index]
        apart = {"first": place >= 2, "last": place < keys - 2}
    shares["first"] = _mean(of.positions[..., 3], choosing & apart["first"])
    shares["last"] = _mean(of.positions[..., 4], choosing & apart["last"])
    shares["even"] = _mean(of.entropy / wide, choosing, least=1)
    return {name: shares[name] for name in _MEASURES if name in shares}


def _mean(values: Array, queries: Array, least: int = _LEAST_OF_A_SHARE) -> Array:
    """Return the mean over these queries, Float["heads"]; NaN where they are too few."""
    count = queries.sum(axis=-1)
    total = np.where(queries, values, 0.0).sum(axis=-1)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)


def _head(values: dict[HeadMeasure, float], queries: int) -> MeasuredHead:
    """Return one head, of the values that say something."""
    values = {name: min(max(float(x), 0.0), 1.0) for name, x in values.items() if not np.isnan(x)}
    return {"kind": _kind(values, queries), "measures": values}


def _kind(values: dict[HeadMeasure, float], queries: int) -> HeadKind | None:
    if queries < LEAST_QUERIES or "even" not in values:
        return None
    shares = [name for name in values if name != "even"]
    largest = max(shares, key=lambda name: values[name], default=None)
    if largest is not None and values[largest] >= SHARE:
        return largest
    return "broad" if values["even"] >= EVEN else "mixed"
