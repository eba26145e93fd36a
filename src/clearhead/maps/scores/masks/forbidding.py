"""Masking of scores: writes a number where a query may not attend."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....shapes import Bool, Float
from ..positions import Positions, vector
from .key_mask import KeyMask
from .key_ranges import Hull, KeyRanges


def forbid(
    scores: Float[Tensor, "batch heads rows columns"],
    mask: KeyMask,
    rows: Positions,
    columns: Positions,
    batch: Positions,
    heads: Positions,
    *,
    value: float,
    hull: Hull | None = None,
) -> None:
    """Put a number where queries may not attend, in place.

    Args:
        scores: of these queries and keys.
        mask: which keys the queries of the whole map may attend to.
        rows, columns, batch, heads: which these are in the whole map.
        value: what to put there.
        hull: of these rows, where it has been computed.
    """
    if isinstance(mask, KeyRanges) and isinstance(columns, slice):
        hull = hull or mask.hull(rows, batch, heads)
        _forbid_edges(scores, mask, rows, columns, batch, heads, value, hull)
    else:
        visible = mask.tile(rows, vector(columns, scores.device), batch, heads)
        scores.masked_fill_(~visible, value)


def _forbid_edges(
    scores: Float[Tensor, "batch heads rows columns"],
    ranges: KeyRanges,
    rows: Positions,
    columns: slice,
    batch: Positions,
    heads: Positions,
    value: float,
    hull: Hull,
) -> None:
    """Mask only those columns that some row may not see."""
    first = columns.start or 0
    width = scores.shape[-1]
    inner_first = min(max(hull.inner_first - first, 0), width)
    inner_end = min(max(hull.inner_end - first, 0), width)
    edges = [(0, inner_first), (inner_end, width)]
    if inner_end <= inner_first:
        edges = [(0, width)]
    for low, high in edges:
        if high > low:
            positions = torch.arange(first + low, first + high, device=scores.device)
            visible = ranges.tile(rows, positions, batch, heads)
            _fill(scores[..., low:high], ~visible, value)


def _fill(
    scores: Float[Tensor, "batch heads rows columns"],
    hidden: Bool[Tensor, "#batch #heads rows columns"],
    value: float,
) -> None:
    """Write a number where a mask is True. On a CPU, NumPy takes a third of PyTorch's time."""
    if scores.device.type != "cpu" or scores.dtype not in (torch.float32, torch.float64):
        scores.masked_fill_(hidden, value)
        return
    np.copyto(scores.detach().numpy(), value, where=hidden.numpy())
