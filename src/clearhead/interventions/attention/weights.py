"""Computes weights with edited edges, before or after the softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...shapes import Bool, Float, Int
from .edge_plan import EdgeGroup, over_queries


def normalised(
    scores: Float[Tensor, "batch heads rows key_len"],
    groups: Sequence[EdgeGroup],
    rows: Int[Tensor, rows],
    softmax: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "batch heads rows key_len"], Float[Tensor, "batch heads rows key_len"]]:
    """Return the weights of some queries without the removed edges, and their scores.

    A query without any key left has weights of 0, whatever number hides the other keys.

    Args:
        scores: of these queries; after the keys there may be more columns, such as sinks.
        groups: the edges.
        rows: which queries they are.
        softmax: computes weights from scores.
    """
    removed = _edges(groups, [group.removed for group in groups], rows, scores)
    if removed is None:
        weights = softmax(scores)
    else:
        scores = scores.masked_fill(removed, -torch.inf)
        highest = scores.detach().amax(-1, keepdim=True)
        hidden = highest <= torch.finfo(scores.dtype).min / 2
        empty = hidden & removed.any(-1, keepdim=True)
        weights = softmax(scores.masked_fill(empty, 0.0)).masked_fill(empty, 0.0)
    return weights, scores


def without_edges(
    weights: Float[Tensor, "batch heads rows key_len"],
    groups: Sequence[EdgeGroup],
    rows: Int[Tensor, rows],
) -> Float[Tensor, "batch heads rows key_len"]:
    """Return weights with 0 on the edges that are zeroed after the softmax."""
    zeroed = _edges(groups, [group.zeroed for group in groups], rows, weights)
    return weights if zeroed is None else weights.masked_fill(zeroed, 0.0)


def _edges(
    groups: Sequence[EdgeGroup],
    keys_of_groups: Sequence[Tensor | None],
    rows: Int[Tensor, rows],
    scores: Tensor,
) -> Bool[Tensor, "#batch heads rows key_len"] | None:
    """Return True on the edges of groups; None where there is none."""
    if all(keys is None for keys in keys_of_groups):
        return None
    heads = scores.shape[1]
    batch = len(scores) if any(k is not None and k.ndim > 1 for k in keys_of_groups) else 1
    edges = torch.zeros(batch, heads, *scores.shape[2:], dtype=torch.bool, device=scores.device)
    for group, keys in zip(groups, keys_of_groups, strict=True):
        if keys is None:
            continue
        of_heads = torch.arange(heads, device=keys.device) if group.heads is None else group.heads
        of_rows = torch.arange(len(rows), device=keys.device)
        if group.rows is not None:
            of_rows = torch.isin(rows, group.rows).nonzero().flatten()
        columns = torch.arange(
            keys.shape[-1], device=keys.device
        )  # there may be more columns, such as sinks
        edges[:, of_heads[:, None, None], of_rows[:, None], columns] |= over_queries(keys)
    return edges
