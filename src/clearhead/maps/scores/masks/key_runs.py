"""Masks of several runs of keys for each query, in memory linear in the length.

Sliding windows beside a few keys that all queries see, and blocks that are chosen for each block of
queries (Longformer, arXiv 2004.05150; BigBird, arXiv 2007.14062) are a handful of runs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....shapes import Bool, Int
from ..positions import ALL, Positions, take
from .key_ranges import DenseMask, KeyRanges


class KeyRuns(DenseMask):
    """Query i may attend to the keys of several runs, ``start[i, r] <= j < end[i, r]``.

    It answers as a `DenseMask` does, and holds two numbers for each run of each query.

    Args:
        start, end: of the runs, which do not overlap; equal for a run of no keys.
    """

    def __init__(
        self,
        start: Int[Tensor, "#batch #heads query_len runs"],
        end: Int[Tensor, "#batch #heads query_len runs"],
        key_len: int,
    ) -> None:
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)
        object.__setattr__(self, "key_len", key_len)
        object.__setattr__(self, "within", self._hull_of_runs())

    start: Int[Tensor, "#batch #heads query_len runs"]
    end: Int[Tensor, "#batch #heads query_len runs"]
    key_len: int

    def _hull_of_runs(self) -> KeyRanges:
        """Return the range of keys that holds all runs of each query."""
        empty = self.end <= self.start
        start = self.start.masked_fill(empty, self.key_len).amin(-1)
        end = self.end.masked_fill(empty, 0).amax(-1)
        return KeyRanges(torch.where(end > 0, start, 0), end)

    def __getattr__(self, name: str) -> Tensor:
        """Compute `DenseMask`'s whole mask, which is not kept, where something asks for it."""
        if name != "allowed":
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self.tile(ALL, torch.arange(self.key_len, device=self.start.device))

    def tile(
        self,
        rows: Positions,
        columns: Int[Tensor, "columns"],
        batch: Positions = ALL,
        heads: Positions = ALL,
    ) -> Bool[Tensor, "#batch #heads rows columns"]:
        """Return True where some queries may attend to some keys."""
        start, end = (
            take(take(take(x, 2, rows), 1, heads), 0, batch)[..., None]
            for x in (self.start, self.end)
        )
        visible = (columns >= start[..., 0, :]) & (columns < end[..., 0, :])
        for run in range(1, start.shape[3]):
            visible |= (columns >= start[..., run, :]) & (columns < end[..., run, :])
        return visible

    def sees(self) -> Bool[Tensor, "#batch #heads query_len"]:
        """Return False for a query that may attend to nothing."""
        return (self.end > self.start).any(-1)

    def intersect(self, ranges: KeyRanges) -> KeyRuns:
        """Return the keys that both let a query attend to."""
        start = torch.maximum(self.start, ranges.start[..., None])
        end = torch.minimum(self.end, ranges.end[..., None])
        some = end > start
        return KeyRuns(torch.where(some, start, 0), torch.where(some, end, 0), self.key_len)

    def describe(self) -> str:
        """Describe the mask in a few words."""
        return f"mask of {self.start.shape[3]} runs of keys per query"

    def to(self, device: torch.device | str) -> KeyRuns:
        """Return the same on another device."""
        return KeyRuns(self.start.to(device), self.end.to(device), self.key_len)

    @property
    def nbytes(self) -> int:
        """The memory of the runs."""
        return self.start.nbytes + self.end.nbytes


def runs_of_keys(
    keys: Int[Tensor, "#batch #heads query_len width"], key_len: int
) -> tuple[
    Int[Tensor, "#batch #heads query_len runs"], Int[Tensor, "#batch #heads query_len runs"]
]:
    """Return where runs of keys begin and end, the longest list of them setting how many.

    Args:
        keys: the keys of each query in ascending order, each once; key_len behind the last.
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
