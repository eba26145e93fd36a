"""Masks that let each query attend to one unbroken run of keys, held as two numbers per query.

Almost every mask in use has this form: causal masks, sliding windows, padding on either side,
packed documents, and combinations of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ....shapes import Bool, Int
from ..positions import ALL, Positions, take

Shape = tuple[int, int, int, int]
"""(batch, heads, query_len, key_len)."""


class Hull(NamedTuple):
    """What some queries may attend to together.

    None of them may attend to a key outside [first, end), and each of them may attend to every key
    in [inner_first, inner_end), which is empty where inner_end <= inner_first.
    """

    first: int
    inner_first: int
    inner_end: int
    end: int


@dataclass(frozen=True, eq=False)
class KeyRanges:
    """Query i may attend to the keys ``start[i] <= j < end[i]``; to none where they are equal.

    The last axis of both has an entry for each query. A damaged file may hold another number of
    entries; using the ranges then raises an error.
    """

    start: Int[Tensor, "#batch #heads _"]
    end: Int[Tensor, "#batch #heads _"]

    @property
    def ranges(self) -> KeyRanges:
        """For each query, a run of keys outside of which it attends to nothing: here its own."""
        return self

    def tile(
        self,
        rows: Positions,
        columns: Int[Tensor, "columns"],
        batch: Positions = ALL,
        heads: Positions = ALL,
    ) -> Bool[Tensor, "#batch #heads rows columns"]:
        """Return, for some queries and some keys, whether the query may attend to the key."""
        part = self.part(rows, batch, heads)
        return (columns >= part.start[..., None]) & (columns < part.end[..., None])

    def hull(self, rows: Positions = ALL, batch: Positions = ALL, heads: Positions = ALL) -> Hull:
        """Return what these queries may attend to together."""
        part = self.part(rows, batch, heads)
        start, end = part.start, part.end
        if not start.numel():
            return Hull(0, 0, 0, 0)
        inner_first, inner_end = int(start.max()), int(end.min())
        last = int(end.max())
        first = int(torch.where(end > start, start, last).min())
        return Hull(first, inner_first, inner_end, last)

    def part(
        self, rows: Positions = ALL, batch: Positions = ALL, heads: Positions = ALL
    ) -> KeyRanges:
        """Return the mask of some queries, batch rows and heads."""
        start, end = (
            take(take(take(x, -1, rows), 1, heads), 0, batch) for x in (self.start, self.end)
        )
        return KeyRanges(start, end)

    @cached_property
    def last_end(self) -> int:
        """The key behind the last one that any query may attend to; 0 without queries."""
        return int(self.end.max()) if self.end.numel() else 0

    def sees(self) -> Bool[Tensor, "#batch #heads query_len"]:
        """Return whether each query may attend to any key."""
        return self.end > self.start

    def intersect(self, other: KeyRanges) -> KeyRanges:
        """Return the mask of the keys that both masks let a query attend to."""
        start = torch.maximum(self.start, other.start)
        end = torch.minimum(self.end, other.end)
        sees = end > start
        return KeyRanges(torch.where(sees, start, 0), torch.where(sees, end, 0))

    def describe(self) -> str:
        """Describe the mask in a few words."""
        steps = torch.arange(self.end.shape[-1], device=self.end.device)
        last = self.end - steps
        if bool((self.start == 0).all()) and bool((last == last[..., :1]).all()):
            return "causal mask"
        if bool((self.start == self.start[..., :1]).all() & (self.end == self.end[..., :1]).all()):
            return "padding mask"
        return "mask of one run of keys per query"

    def to(self, device: torch.device | str) -> KeyRanges:
        """Return the same mask on another device."""
        return KeyRanges(self.start.to(device), self.end.to(device))

    @property
    def device(self) -> torch.device:
        """Where the two vectors are."""
        return self.end.device

    @property
    def nbytes(self) -> int:
        """The bytes of the two vectors."""
        return self.start.nbytes + self.end.nbytes


# Every layer of a model asks for the same ranges, and while it runs each small operator counts.
@lru_cache(maxsize=16)
@torch.inference_mode(False)
def causal_ranges(
    query_len: int,
    key_len: int,
    *,
    causal: bool,
    offset: int,
    window: tuple[int | None, int | None],
    device: torch.device,
) -> KeyRanges:
    """Return the mask of a window around each query's own key.

    Args:
        causal: whether a window ends at the query's own key.
        offset: query i's own key is i + offset.
        window: how many keys before and after its own a query may attend to; None for no limit.
    """
    before, after = window
    position = torch.arange(query_len, device=device, dtype=torch.int64) + offset
    if causal:
        after = 0 if after is None else min(after, 0)
    start = torch.zeros_like(position) if before is None else position - before
    end = torch.full_like(position, key_len) if after is None else position + after + 1
    start, end = start.clamp(0, key_len), end.clamp(0, key_len)
    sees = end > start
    start, end = torch.where(sees, start, 0), torch.where(sees, end, 0)
    return KeyRanges(start.int()[None, None], end.int()[None, None])
