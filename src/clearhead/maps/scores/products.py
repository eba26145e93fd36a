"""Products of queries and keys in grouped-query attention, without repeating the keys."""

from __future__ import annotations

import torch
from torch import Tensor

from ...shapes import Float
from .positions import Positions, vector


def scaled_products(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    scale: float,
    dtype: torch.dtype,
) -> Float[Tensor, "batch heads query_len key_len"]:
    """Return scale * q . k, without repeating keys.

    Args:
        query: the queries.
        key: the keys, of which each head serves a group of query heads.
        scale: factor of the products.
        dtype: what they are computed in.
    """
    query = query.to(dtype) * scale
    lead, kv_heads = query.shape[:3], key.shape[1]
    rows = lead[1] // max(kv_heads, 1) * lead[2]  # queries of one group are stacked as rows
    grouped = query.reshape(lead[0], kv_heads, rows, query.shape[3])
    return (grouped @ key.to(dtype).mT).reshape(*lead, key.shape[2])


def owners_of(heads: Positions, group: int, device: torch.device) -> Positions:
    """Return the key heads that some query heads attend to.

    If the query heads are whole groups, or all of one group, each key head comes once; otherwise it
    comes once per query head.

    Args:
        heads: a slice with both ends, or a vector of indices.
        group: how many heads of queries share a head of keys.
        device: of a vector that is made.
    """
    if isinstance(heads, slice):
        first, end = heads.start // group, -(-heads.stop // group)
        if end - first <= 1 or heads.start % group == heads.stop % group == 0:
            return slice(first, max(first, end))
    return vector(heads, device) // group
