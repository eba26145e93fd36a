"""Boolean masks, True where a query may attend to a key.

Positions are counted along the keys. The first query is at position ``offset``: 0 in a whole
sequence, or the number of earlier keys in a cache.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..shapes import Array, Bool, Int, Shaped
from .settings import window_sides

Window = int | tuple[int | None, int | None] | list[int | None]


def causal_mask(
    query_len: int, key_len: int | None = None, offset: int | Array = 0
) -> Bool[Array, "... query_len key_len"]:
    """Let each query attend to its own position and those before it, never to a later one.

    Args:
        query_len: number of queries.
        key_len: number of keys; None means as many as queries.
        offset: position of the first query. An array, such as Int["batch 1"], gives a mask for
            each of its entries: Bool["batch 1 query_len key_len"].
    """
    ahead = _distance(query_len, query_len if key_len is None else key_len, offset)
    return ahead <= 0


def sliding_window_mask(
    query_len: int, key_len: int, window: Window | None, offset: int | Array = 0
) -> Bool[Array, "... query_len key_len"]:
    """Let each query attend to the keys near its own position.

    Args:
        query_len: number of queries.
        key_len: number of keys.
        window: how many positions on each side of its own it sees: (before, after), with None for
            no limit; one number stands for both sides. (2, 0) sees two keys before it and its own.
            None alone has no limit on either side.
        offset: as in `causal_mask`.

    Raises:
        ShapeError: the window is negative, or neither a number nor a pair.
    """
    before, after = window_sides(window)
    ahead = _distance(query_len, key_len, offset)
    visible = np.ones(ahead.shape, dtype=bool)
    if before is not None:
        visible &= ahead >= -before
    if after is not None:
        visible &= ahead <= after
    return visible


def padding_mask(lengths: Array | int, max_len: int) -> Bool[Array, "*batch max_len"]:
    """Let all queries attend to the first ``lengths`` positions; the rest is padding.

    Args:
        lengths: Int["*batch"], the number of tokens of each sequence.
        max_len: the padded length.

    Returns:
        a mask. For attention scores, give it the axes of heads and queries:
        ``padding_mask(lengths, key_len)[:, None, None, :]``.
    """
    return np.arange(max_len) < np.asarray(lengths)[..., None]


def attendable(
    real: Array | None, shape: tuple[int, int]
) -> Bool[Array, "batch 1 1 key_len"] | None:
    """Return the mask of scores that hides padding; None if there is none.

    Args:
        real: Bool["batch key_len"], True where a position is real; None where all are.
        shape: of the keys, batch and key_len.

    Raises:
        ShapeError: ``real`` is not boolean, or not of that shape.
    """
    if real is None:
        return None
    real = np.asarray(real)
    if real.dtype != bool or real.shape != shape:
        raise ShapeError(
            f"The mask of a text is boolean, True where a position is real, one for each of its "
            f"positions, {shape}; it holds {real.dtype} of the shape {real.shape}."
        )
    return None if real.all() else real[:, None, None, :]


def extend_mask(
    mask: Shaped[Array, "*queries shorter_len"], key_len: int
) -> Shaped[Array, "*queries key_len"]:
    """Extend a mask to more keys, which it hides.

    Args:
        mask: boolean, or additive.
        key_len: the number of keys to reach.

    Returns:
        the mask, padded with False or -inf.
    """
    missing = key_len - mask.shape[-1]
    if missing < 0:
        raise ShapeError(
            f"The mask of shape {mask.shape} covers {mask.shape[-1]} keys, and there are only "
            f"{key_len}. Cut its last axis."
        )
    widths = [(0, 0)] * (mask.ndim - 1) + [(0, missing)]
    return np.pad(mask, widths, constant_values=False if mask.dtype == bool else -np.inf)


def combine(*masks: Array | None) -> Bool[Array, "..."] | None:
    """Let a query attend where every mask allows it; None allows all.

    Args:
        masks: boolean masks of shapes that broadcast against each other, or None.

    Returns:
        one boolean mask of the broadcast shape, or None where no mask was given.
    """
    combined: Array | None = None
    for mask in masks:
        if mask is not None:
            if mask.dtype != bool:
                raise ShapeError(
                    f"Only boolean masks can be combined; this one of shape {mask.shape} holds "
                    f"{mask.dtype}. An additive mask goes to attention(mask=...) by itself."
                )
            combined = mask if combined is None else combined & mask
    return combined


def _distance(
    query_len: int, key_len: int, offset: int | Array
) -> Int[Array, "... query_len key_len"]:
    """Return how far each key is ahead of each query."""
    queries = np.asarray(offset)[..., None, None] + np.arange(query_len)[:, None]
    return np.arange(key_len) - queries
