"""Scores and weights of attention, a tile at a time in the same memory.

Shapes are those of `clearhead.nn.multihead._formula`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ._formula import Masking, computation_dtype

# Scores in a tile. For one thread a tile stays near the caches; several threads wait for each
# other after every operator, for long where another process is at work, so theirs are larger.
TILE_ELEMENTS = 2**21
TILE_ELEMENTS_SHARED = 2**23
TILE_ELEMENTS_ELSEWHERE = 2**25  # an accelerator wants fewer and larger launches


class Tile(NamedTuple):
    """Some rows of some heads of some batch rows; of several heads or batch rows all rows."""

    batches: slice
    heads: slice
    rows: slice
    columns: slice
    start: int  # where it begins if all tiles lie one behind the other
    size: int

    def of(self, x: Tensor, columns: bool = False) -> Tensor:
        """The tile's part of [batch, heads, query_len, ...], whose axes may be 1 long.

        Args:
            x: such a tensor.
            columns: whether its last axis is key_len.
        """
        wanted = (self.batches, self.heads, self.rows, self.columns)
        for axis, part in enumerate(wanted[: 4 if columns else 3]):
            if x.shape[axis] > 1:
                x = x.narrow(axis, part.start, part.stop - part.start)
        return x

    def of_keys(self, x: Tensor) -> Tensor:
        """The tile's part of [batch, heads, key_len, head_dim]."""
        return x[self.batches, self.heads, self.columns]

    def view(self, flat: Tensor, *, one_behind_the_other: bool) -> Tensor:
        """The tile's place in memory, [batch, heads, rows, columns]."""
        start = self.start if one_behind_the_other else 0
        sides = (self.batches, self.heads, self.rows, self.columns)
        return flat[start : start + self.size].view([side.stop - side.start for side in sides])


class Problem(NamedTuple):
    """What is computed, in the exact type."""

    query: Tensor
    key: Tensor
    value: Tensor
    masking: Masking
    average: bool
    budget: int  # scores in a tile

    def tiles(self) -> Iterator[Tile]:
        """The tiles in the order of [batch, heads, query_len, key_len]."""
        batch, heads, query_len, _ = self.query.shape
        key_len = self.key.shape[2]
        budget, matrix = self.budget, query_len * key_len
        # Whole batch rows, or whole heads, or some rows: of all heads where these are averaged.
        batches = min(batch, max(1, budget // (heads * matrix)))
        together = heads if self.average else min(heads, max(1, budget // matrix))
        rows = query_len
        if together * matrix > budget:
            rows = min(query_len, max(32, budget // (together * key_len)))
        start = 0
        for b in range(0, batch, batches):
            for h in range(0, heads, together):
                for r in range(0, query_len, rows):
                    last = (min(b + batches, batch), min(h + together, heads))
                    end = min(r + rows, query_len)
                    # What lies beyond the tile's last row is zero: it need not be computed
                    # where it need not be shown.
                    causal = self.masking.causal and self.average
                    columns = slice(0, min(end, key_len) if causal else key_len)
                    size = (last[0] - b) * (last[1] - h) * (end - r) * columns.stop
                    some = (slice(b, last[0]), slice(h, last[1]), slice(r, end), columns)
                    yield Tile(*some, start, size)
                    start += size

    def largest(self) -> int:
        """Scores in the largest tile."""
        return max(tile.size for tile in self.tiles())

    def fill(self, tile: Tile, place: Tensor) -> Tensor:
        """Compute the weights of a tile in its place."""
        masking, scores = self.masking, place.flatten(0, 1)
        query = tile.of(self.query).flatten(0, 1)
        key = tile.of_keys(self.key).flatten(0, 1).transpose(1, 2)
        if masking.mask is not None:
            place.copy_(tile.of(masking.mask, columns=True))
        # The product is scaled and, with a mask, added to what is there without another pass.
        scale, beta = query.shape[-1] ** -0.5, float(masking.mask is not None)
        torch.baddbmm(scores, query, key, beta=beta, alpha=scale, out=scores)
        if masking.causal and tile.rows.start < tile.columns.stop - 1:
            first = tile.rows.start  # up to its own position a row sees all
            later = place.new_ones(tile.rows.stop - first, tile.columns.stop - first).bool()
            place[..., first:].masked_fill_(later.triu(1), -torch.inf)
        torch.softmax(place, -1, out=place)
        if masking.blocked is not None:
            place.masked_fill_(tile.of(masking.blocked), 0.0)
        return place


def problem_of(
    query: Tensor, key: Tensor, value: Tensor, masking: Masking, average: bool, budget: int
) -> Problem:
    """The problem of inputs of any type."""
    dtype = computation_dtype(query)
    mask = None if masking.mask is None else masking.mask.to(dtype)
    query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    return Problem(query, key, value, masking._replace(mask=mask), average, budget)


def tile_budget(query: Tensor) -> int:
    """How many scores a tile may have where the query is."""
    if query.device.type != "cpu":
        return TILE_ELEMENTS_ELSEWHERE
    return TILE_ELEMENTS if torch.get_num_threads() == 1 else TILE_ELEMENTS_SHARED


def in_layout_of(x: Tensor) -> Tensor:
    """An empty tensor whose axes lie in memory in the same order, without gaps."""
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    places = [order.index(axis) for axis in range(x.dim())]
    return x.new_empty([x.shape[axis] for axis in order]).permute(places)
