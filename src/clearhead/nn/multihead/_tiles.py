"""Scores and weights of attention, one tile at a time in the same memory.

A tile is a block of the [batch, heads, query_len, key_len] tensor of scores: some queries with all
keys that they may see. `Problem` divides the tensor into tiles and computes the weights of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ...shapes import Float, Shaped
from ._formula import Masking, computation_dtype

# Scores in a tile. For one thread, a tile about fits the caches. Several threads wait for each
# other after every operator, and longer if another process is busy, so their tiles are larger.
TILE_ELEMENTS = 2**21
TILE_ELEMENTS_SHARED = 2**23
TILE_ELEMENTS_ELSEWHERE = 2**25  # an accelerator needs fewer and larger launches


class ScoreTile(NamedTuple):
    """A block of scores: batch rows, heads, queries (rows) and keys (columns)."""

    batches: slice
    heads: slice
    rows: slice
    columns: slice
    start: int  # its offset if all tiles are stored one after the other
    size: int

    def of(
        self, x: Shaped[Tensor, "#batch #heads #query_len last"], columns: bool = False
    ) -> Shaped[Tensor, "#batches #tile_heads #rows tile_last"]:
        """Return the tile's part of a tensor over all queries; axes of length 1 are kept.

        Args:
            x: the tensor.
            columns: whether the last axis is key_len and is cut, too.
        """
        sides = (self.batches, self.heads, self.rows, self.columns)
        for axis, part in enumerate(sides[: 4 if columns else 3]):
            if x.shape[axis] > 1:
                x = x.narrow(axis, part.start, part.stop - part.start)
        return x

    def of_keys(
        self, x: Float[Tensor, "batch heads key_len width"]
    ) -> Float[Tensor, "batches tile_heads columns width"]:
        """Return the tile's part of keys or values."""
        return x[self.batches, self.heads, self.columns]

    def view(
        self, flat: Float[Tensor, "entries"], *, one_behind_the_other: bool
    ) -> Float[Tensor, "batches heads rows columns"]:
        """Return the tile's view of flat memory: at its own offset, or at the beginning."""
        start = self.start if one_behind_the_other else 0
        sides = (self.batches, self.heads, self.rows, self.columns)
        return flat[start : start + self.size].view([side.stop - side.start for side in sides])


class Problem(NamedTuple):
    """The inputs of an attention, in the dtype of the computation."""

    query: Float[Tensor, "batch heads query_len head_dim"]
    key: Float[Tensor, "batch heads key_len head_dim"]
    value: Float[Tensor, "batch heads key_len head_dim"]
    masking: Masking
    average: bool
    budget: int  # scores in a tile

    def tiles(self) -> Iterator[ScoreTile]:
        """Yield the tiles in the order of Float["batch heads query_len key_len"]."""
        batch, heads, query_len, _ = self.query.shape
        key_len = self.key.shape[2]
        budget, matrix = self.budget, query_len * key_len
        # As many as fit: whole batch rows, else whole heads, else some query rows. If heads are
        # averaged, a tile has all heads.
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
                    # With causality, keys after the tile's last query have weight zero. They are
                    # left out if only the mean is returned, which begins as zeros.
                    causal = self.masking.causal and self.average
                    columns = slice(0, min(end, key_len) if causal else key_len)
                    size = (last[0] - b) * (last[1] - h) * (end - r) * columns.stop
                    some = (slice(b, last[0]), slice(h, last[1]), slice(r, end), columns)
                    yield ScoreTile(*some, start, size)
                    start += size

    def largest(self) -> int:
        """Return the number of scores in the largest tile."""
        return max(tile.size for tile in self.tiles())

    def fill(
        self, tile: ScoreTile, place: Float[Tensor, "batches heads rows columns"]
    ) -> Float[Tensor, "batches heads rows columns"]:
        """Compute the weights of a tile in ``place``."""
        masking, scores = self.masking, place.flatten(0, 1)
        query = tile.of(self.query).flatten(0, 1)
        key = tile.of_keys(self.key).flatten(0, 1).transpose(1, 2)
        if masking.mask is not None:
            place.copy_(tile.of(masking.mask, columns=True))
        # Scores: scaled products, added to the mask copied above, in one operator.
        scale, beta = query.shape[-1] ** -0.5, float(masking.mask is not None)
        torch.baddbmm(scores, query, key, beta=beta, alpha=scale, out=scores)
        if masking.causal and tile.rows.start < tile.columns.stop - 1:
            # All rows of the tile see the keys before its first row, so only later columns are
            # masked.
            first = tile.rows.start
            later = place.new_ones(tile.rows.stop - first, tile.columns.stop - first).bool()
            place[..., first:].masked_fill_(later.triu(1), -torch.inf)
        torch.softmax(place, -1, out=place)
        if masking.blocked is not None:
            place.masked_fill_(tile.of(masking.blocked), 0.0)
        return place


def problem_of(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    masking: Masking,
    average: bool,
    budget: int,
) -> Problem:
    """Return the problem for inputs of any dtype."""
    dtype = computation_dtype(query)
    mask = None if masking.mask is None else masking.mask.to(dtype)
    query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    return Problem(query, key, value, masking._replace(mask=mask), average, budget)


def tile_budget(query: Tensor) -> int:
    """Return the largest number of scores in a tile on the query's device."""
    if query.device.type != "cpu":
        return TILE_ELEMENTS_ELSEWHERE
    return TILE_ELEMENTS if torch.get_num_threads() == 1 else TILE_ELEMENTS_SHARED


def in_layout_of(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return an empty tensor with the same order of axes in memory, without gaps."""
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    places = [order.index(axis) for axis in range(x.dim())]
    return x.new_empty([x.shape[axis] for axis in order]).permute(places)
