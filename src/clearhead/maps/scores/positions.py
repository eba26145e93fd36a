"""Parts of the axes of a map, as slices or index vectors, and how tensors are cut to them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...shapes import Int

Positions = slice | Tensor
"""A part of an axis: a slice of step 1, or a vector of indices that are not negative."""

ALL = slice(None)

# Masks are examined this many entries at a time, so that little extra memory is needed.
_CHUNK_ENTRIES = 1 << 21


def pick(x: Tensor, axis: int, positions: Positions) -> Tensor:
    """Return x at these positions of an axis; a slice gives a view."""
    if isinstance(positions, slice):
        start, stop, _ = positions.indices(x.shape[axis])
        return x.narrow(axis, start, max(stop - start, 0))
    return x.index_select(axis, positions)


def take(x: Tensor, axis: int, positions: Positions) -> Tensor:
    """Return x at these positions of an axis; an axis of size 1 stands for all positions."""
    return x if x.shape[axis] == 1 else pick(x, axis, positions)


def indices(positions: Positions, size: int, device: torch.device) -> Int[Tensor, "count"]:
    """Return the positions along an axis of this size as a vector."""
    if isinstance(positions, Tensor):
        return positions
    start, stop, _ = positions.indices(size)
    return torch.arange(start, max(start, stop), device=device)


def vector(positions: Positions, device: torch.device) -> Int[Tensor, "count"]:
    """Return positions as a vector; a slice must have both ends."""
    return indices(positions, torch.iinfo(torch.int64).max, device)


def explicit(positions: Positions, size: int) -> Positions:
    """Return a slice with both ends, and vectors as they are."""
    if isinstance(positions, Tensor):
        return positions
    start, stop, _ = positions.indices(size)
    return slice(start, max(start, stop))


def as_slice(positions: Int[Tensor, "count"]) -> Positions:
    """Return a slice if the vector counts up by one, because indexing with it copies nothing."""
    count = positions.numel()
    if count and int(positions[-1]) - int(positions[0]) == count - 1:
        first = int(positions[0])
        if count <= 2 or bool((positions.diff() == 1).all()):
            return slice(first, first + count)
    return positions


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Yield slices of the rows, each of at most a bounded number of entries."""
    step = max(1, _CHUNK_ENTRIES // max(width, 1))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))
