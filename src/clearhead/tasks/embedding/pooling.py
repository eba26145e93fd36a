"""Pooling: turns the vectors of tokens into the vector of a text.

    mean         sum of the vectors of real tokens / their number
    mean_sqrt    the same sum / sqrt(their number)
    weighted     the mean with token i of the text weighted by i (Muennighoff 2022)
    cls, last    the vector of the first token, of the last real one
    max          the maximum of each column over real tokens

A sentence-transformers model may concatenate several of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...shapes import Array, Bool, Float

# sentence-transformers concatenates them in this order.
MODES = ("cls", "max", "mean", "mean_sqrt", "weighted", "last")


def pool(
    hidden: Float[Array, "batch length d_model"],
    mask: Bool[Array, "batch length"],
    modes: tuple[str, ...],
) -> Float[Array, "batch width"]:
    """Pool the vectors of each text's tokens into one vector.

    Args:
        hidden: of each token, in the dtype of the result.
        mask: True where a token is real; every text has at least one.
        modes: of `MODES`; their vectors are concatenated.
    """
    return np.concatenate([_POOLING[mode](hidden, mask) for mode in modes], axis=1)


def normalized(vectors: Float[Array, "batch width"]) -> Float[Array, "batch width"]:
    """Divide each vector by its length; a zero vector is unchanged."""
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    return vectors / np.maximum(lengths, 1e-12)  # as torch.nn.functional.normalize


def _sum(hidden: Array, weights: Array) -> Array:
    """Sum the vectors of each text with weights; padding has weight 0."""
    return (hidden * weights[..., None].astype(hidden.dtype)).sum(axis=1)


def _count(weights: Array, hidden: Array) -> Array:
    return np.asarray(weights.sum(axis=1, keepdims=True).astype(hidden.dtype))


def _first(hidden: Array, mask: Array) -> Array:
    return np.asarray(hidden[np.arange(len(mask)), mask.argmax(axis=1)])


def _last(hidden: Array, mask: Array) -> Array:
    from_the_end = mask[:, ::-1].argmax(axis=1)
    return np.asarray(hidden[np.arange(len(mask)), mask.shape[1] - 1 - from_the_end])


def _largest(hidden: Array, mask: Array) -> Array:
    return np.where(mask[..., None], hidden, -np.inf).max(axis=1).astype(hidden.dtype)


def _mean(hidden: Array, mask: Array) -> Array:
    return _sum(hidden, mask) / _count(mask, hidden)


def _mean_sqrt(hidden: Array, mask: Array) -> Array:
    return _sum(hidden, mask) / np.sqrt(_count(mask, hidden))


def _weighted(hidden: Array, mask: Array) -> Array:
    weights = np.cumsum(mask, axis=1) * mask
    return _sum(hidden, weights) / _count(weights, hidden)


_POOLING: dict[str, Callable[[Array, Array], Array]] = {
    "cls": _first,
    "max": _largest,
    "mean": _mean,
    "mean_sqrt": _mean_sqrt,
    "weighted": _weighted,
    "last": _last,
}
