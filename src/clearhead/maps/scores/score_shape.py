"""The shape of the scores, after checking that queries and keys fit together."""

from __future__ import annotations

from torch import Tensor

from ...errors import ShapeError
from .masks.key_ranges import Shape


def score_shape(query: Tensor, key: Tensor) -> Shape:
    """Return (batch, heads, query_len, key_len) of queries and keys that fit together.

    Raises:
        ShapeError: they do not.
    """
    shapes = f"query {tuple(query.shape)} and key {tuple(key.shape)}"
    if query.ndim != 4 or key.ndim != 4:
        raise ShapeError(
            f"An attention map needs four axes: query [batch, heads, query_len, head_dim] and key "
            f"[batch, kv_heads, key_len, head_dim]; got {shapes}."
        )
    if query.shape[0] != key.shape[0] or query.shape[3] != key.shape[3]:
        raise ShapeError(f"Batch and head_dim of {shapes} differ; they must be the same.")
    if query.shape[1] % max(key.shape[1], 1):
        raise ShapeError(
            f"{query.shape[1]} query heads cannot share {key.shape[1]} heads of keys: the first "
            f"must be a multiple of the second; got {shapes}."
        )
    return query.shape[0], query.shape[1], query.shape[2], key.shape[2]


def check_sinks(sinks: Tensor | None, heads: int) -> None:
    """Check that sinks, if there are any, are one logit for each of the query heads."""
    if sinks is not None and tuple(sinks.shape) != (heads,):
        raise ShapeError(
            f"sinks hold one logit per query head, so their shape must be ({heads},); got "
            f"{tuple(sinks.shape)}."
        )
