"""All heads of one part of a model at once: a small picture and the entropy of each."""

from __future__ import annotations

import math

import numpy as np

from ...errors import ShapeError, TraceError
from ...shapes import Array
from ..contract.answers import Answer, OverviewAnswer
from ..contract.arrays import ArraySource, Steps
from ..contract.values import Span

LARGEST_PICTURE = 48
ATTENTIONS = {
    "encoder": ("encoder", "self_attention"),
    "decoder": ("decoder", "self_attention"),
    "cross": ("decoder", "cross_attention"),
}


def overview(run: ArraySource, part: str, layers: Span | None = None) -> Answer:
    """Answer ``overview``.

    Args:
        run: a traced run.
        part: ``encoder``, ``decoder`` (its self-attention) or ``cross``.
        layers: the first layer, and the one after the last; None for all.

    Returns:
        arrays ``weights`` Float32["layers heads rows columns"]; a picture larger than 48 x 48 is
        max-pooled: each cell is the largest weight of a block of queries and keys.
        ``entropy`` Float64["layers heads"], in nats, is the mean over the queries that attend to
        anything. ``masked`` UInt8["rows columns"] is 1 where no query of the cell may attend to any
        key of it, in any head. JSON: ``{part, pooled, block: [queries, keys], queries, keys}``.

    Raises:
        TraceError: the model has no such part.
        ShapeError: the part has no such layers.
    """
    steps = attention_steps(run.trace, part)
    steps = steps[layer_slice(layers, len(steps))]
    queries, keys = run.trace[f"{steps[0]}.weights"].shape[-2:]
    block = (_block(queries), _block(keys))
    pictures, entropies, hidden = [], [], []
    for path in steps:
        weights = run.trace[f"{path}.weights"].value[0]
        unreachable = np.isneginf(run.trace[f"{path}.masked"].value[0]) & (weights == 0)
        hidden.append(unreachable.all(axis=0))
        pictures.append(pooled(weights, block))
        entropies.append(entropy(weights))
    masked = 1 - pooled(1 - np.all(hidden, axis=0).astype(np.uint8), block)
    answer: OverviewAnswer = {
        "part": part,
        "pooled": block != (1, 1),
        "block": list(block),
        "queries": queries,
        "keys": keys,
    }
    arrays = {
        "weights": np.stack(pictures).astype(np.float32),
        "entropy": np.stack(entropies),
        "masked": masked,
    }
    return Answer(answer, arrays)


def layer_slice(layers: Span | None, count: int) -> slice:
    """Return the slice of a part's layers that a question asks about.

    Args:
        layers: the first layer, and the one after the last; None for all.
        count: the number of layers of the part.

    Raises:
        ShapeError: the part has no such layers.
    """
    start, stop = (0, count) if layers is None else layers
    if not 0 <= start < stop <= count:
        raise ShapeError(
            f"layers is [start, stop] with 0 <= start < stop <= {count}, the part's layers; "
            f"got [{start}, {stop}]."
        )
    return slice(start, stop)


def attention_steps(trace: Steps, part: str) -> list[str]:
    """Return the paths of a part's attentions, such as ``decoder.layers.0.cross_attention``.

    Raises:
        TraceError: the part is unknown, or the model has none.
    """
    stack, attention = ATTENTIONS.get(part, ("", ""))
    paths: list[str] = []
    while f"{stack}.layers.{len(paths)}.{attention}.weights" in trace:
        paths.append(f"{stack}.layers.{len(paths)}.{attention}")
    if not paths:
        parts = [
            name for name, (s, a) in ATTENTIONS.items() if f"{s}.layers.0.{a}.weights" in trace
        ]
        raise TraceError(
            f"This model has no part {part!r} with attention. Its parts: {', '.join(parts)}."
        )
    return paths


def pooled(x: Array, block: tuple[int, int]) -> Array:
    """Return the maximum of each block of the last two axes; the last block may be smaller.

    Args:
        x: ["... queries keys"].
        block: the number of queries and of keys in a block.

    Returns:
        ["... rows columns"] of the same type.
    """
    for axis, size in zip((-2, -1), block, strict=True):
        if size > 1:
            x = np.maximum.reduceat(x, np.arange(0, x.shape[axis], size), axis=axis)
    return x


def entropy(weights: Array) -> Array:
    """Return -sum w log w over keys, in nats, averaged over the queries that attend to anything.

    Args:
        weights: Float["heads queries keys"]; masked keys have weight 0 and add nothing.

    Returns:
        Float["heads"]; 0 for a head in which no query attends to anything.
    """
    positive = np.where(weights > 0, weights, 1.0)
    each = 0.0 - (positive * np.log(positive)).sum(axis=-1)  # 0.0 - x avoids -0.0
    attending = (weights > 0).any(axis=-1)
    return each.sum(axis=-1) / np.maximum(attending.sum(axis=-1), 1)


def _block(size: int) -> int:
    return math.ceil(size / LARGEST_PICTURE)
