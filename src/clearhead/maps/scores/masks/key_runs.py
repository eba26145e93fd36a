"""Masks that let each query attend to a few runs of keys, held as two numbers per run.

A sliding window beside a few keys that all queries see, or blocks of keys selected for each block
of queries, are of this form (Longformer, arXiv 2004.05150; BigBird, arXiv 2007.14062).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ....shapes import Bool, Int
from ..positions import ALL, Positions, take
from .dense_mask import DenseMask
from .key_ranges import KeyRanges


@dataclass(frozen=True, eq=False)
class KeyRuns:
    """Query i may attend to the keys of its runs, ``start[i, r] <= j < end[i, r]``.

    Attributes:
        start, end: of the runs. The runs of a query do not overlap; a run whose start is its end
            has no keys.
        key_len: how many keys there are.
    """

    start: Int[Tensor, "#batch #heads query_len runs"]
    end: Int[Tensor, "#batch #heads query_len runs"]
    key_len: int

    @cached_property
    def ranges(self) -> KeyRanges:
        """For each query, a run of keys outside of which it attends to nothing."""
        empty = self.end <= self.start
        start = self.start.masked_fill(empty, self.key_len).amin(-1)
        end = self.end.masked_fill(empty, 0).amax(-1)
        return KeyRanges(torch.where(end > 0, start, 0), end)

    def tile(
        self,
        rows: Positions,
        columns: Int[Tensor, "columns"],
        batch: Positions = ALL,
        heads: Positions = ALL,
    ) -> Bool[Tensor, "#batch #heads rows columns"]:
        """Return, for some queries and some keys, whether the query may attend to the key."""
        part = self.part(rows, batch, heads)
        start, end = part.start[..., None], part.end[..., None]
        visible = (columns >= start[..., 0, :]) & (columns < end[..., 0, :])
        for run in range(1, start.shape[3]):
            visible |= (columns >= start[..., run, :]) & (columns < end[..., run, :])
        return visible

    def part(
        self, rows: Positions = ALL, batch: Positions = ALL, heads: Positions = ALL
    ) -> KeyRuns:
        """Return the mask of some queries, batch rows and heads."""
        start, end = (
            take(take(take(x, 2, rows), 1, heads), 0, batch) for x in (self.start, self.end)
        )
        return KeyRuns(start, end, self.key_len)

    def sees(self) -> Bool[Tensor, "#batch #heads query_len"]:
        """Return whether each query may attend to any key."""
        return (self.end > self.start).any(-1)

    def intersect(self, ranges: KeyRanges) -> KeyRuns:
        """Return the mask of the keys that both masks let a query attend to."""
        start = torch.maximum(self.start, ranges.start[..., None])
        end = torch.minimum(self.end, ranges.end[..., None])
        some = end > start
        return KeyRuns(torch.where(some, start, 0), torch.where(some, end, 0), self.key_len)

    def dense(self) -> DenseMask:
        """Return the same mask with one boolean per query and key."""
        return DenseMask(self.tile(ALL, torch.arange(self.key_len, device=self.device)))

    def describe(self) -> str:
        """Describe the mask in a few words."""
        return f"mask of {self.start.shape[3]} runs of keys per query"

    def to(self, device: torch.device | str) -> KeyRuns:
        """Return the same mask on another device."""
        return KeyRuns(self.start.to(device), self.end.to(device), self.key_len)

    @property
    def device(self) -> torch.device:
        """Where the runs are."""
        return self.end.device

    @property
    def nbytes(self) -> int:
        """The bytes of the runs."""
        return self.start.nbytes + self.end.nbytes


def runs_of_keys(
    keys: Int[Tensor, "#batch #heads query_len width"], key_len: int
) -> tuple[
    Int[Tensor, "#batch #heads query_len runs"], Int[Tensor, "#batch #heads query_len runs"]
]:
    """Return where the runs in lists of keys begin and end.

    The query with the most runs sets their number; the others have empty ones in the end.

    Args:
        keys: the keys of each query in ascending order, each once, padded with key_len.
        key_len: how many keys there are.
    """
    some = keys < key_len
    before = torch.cat([torch.full_like(keys[..., :1], -2), keys[..., :-1]], -1)
    begins = some & (keys != before + 1)
    number = begins.cumsum(-1) - 1  # of each key's run
    count = max(int(begins.sum(-1).max()), 1) if keys.numel() else 1
    number = torch.where(some, number, count)  # a place that is dropped
    shape = (*keys.shape[:-1], count + 1)
    start = torch.full(shape, key_len, dtype=keys.dtype, device=keys.device)
    start.scatter_reduce_(-1, number, keys, "amin")
    end = torch.zeros(shape, dtype=keys.dtype, device=keys.device)
    end.scatter_reduce_(-1, number, torch.where(some, keys + 1, 0), "amax")
    start, end = start[..., :count].int(), end[..., :count].int()
    return torch.where(end > 0, start, 0), end
