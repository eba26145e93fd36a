"""Which keys a query may attend to, held in memory linear in the length where that is exact.

Almost every mask in use lets a query see one unbroken run of keys: causal masks, sliding windows,
padding on either side, packed documents and their combinations. Such a mask is two numbers per
query. What is not of that form is kept as it came, its broadcast axes one wide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ....errors import ShapeError
from ....shapes import Bool, Int, Shaped
from ..positions import ALL, Positions, as_slice, chunks, take

Shape = tuple[int, int, int, int]
"""(batch, heads, query_len, key_len)."""


class Hull(NamedTuple):
    """The keys of some queries: all attend to [inner_first, inner_end), none outside [first, end).

    The inner range is empty where its end is not above its beginning.
    """

    first: int
    inner_first: int
    inner_end: int
    end: int


@dataclass(frozen=True, eq=False)
class KeyRanges:
    """Query i may attend to the keys ``start[i] <= j < end[i]``; to none where they are equal.

    Both have an entry for each query. A file may have them otherwise; using them is then an error.
    """

    start: Int[Tensor, "#batch #heads _"]
    end: Int[Tensor, "#batch #heads _"]

    def tile(
        self,
        rows: Positions,
        columns: Int[Tensor, "columns"],
        batch: Positions = ALL,
        heads: Positions = ALL,
    ) -> Bool[Tensor, "#batch #heads rows columns"]:
        """Return True where some queries may attend to some keys."""
        start, end = (
            take(take(take(x, -1, rows), 1, heads), 0, batch)[..., None]
            for x in (self.start, self.end)
        )
        return (columns >= start) & (columns < end)

    def hull(self, rows: Positions = ALL, batch: Positions = ALL, heads: Positions = ALL) -> Hull:
        """Return the keys that these rows may attend to together, and that each of them may."""
        start, end = (
            take(take(take(x, -1, rows), 1, heads), 0, batch) for x in (self.start, self.end)
        )
        if not start.numel():
            return Hull(0, 0, 0, 0)
        inner_first, inner_end = int(start.max()), int(end.min())
        last = int(end.max())
        first = int(torch.where(end > start, start, last).min())
        return Hull(first, inner_first, inner_end, last)

    @cached_property
    def last_end(self) -> int:
        """The key behind the last one that any query may attend to; 0 without queries."""
        return int(self.end.max()) if self.end.numel() else 0

    def sees(self) -> Bool[Tensor, "#batch #heads query_len"]:
        """Return False for a query that may attend to nothing."""
        return self.end > self.start

    def intersect(self, other: KeyRanges) -> KeyRanges:
        """Return the keys that both let a query attend to."""
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
        """Return the same on another device."""
        return KeyRanges(self.start.to(device), self.end.to(device))

    @property
    def nbytes(self) -> int:
        """The memory of the two vectors."""
        return self.start.nbytes + self.end.nbytes


@dataclass(frozen=True, eq=False)
class DenseMask:
    """A mask that is not one run of keys per query.

    Attributes:
        allowed: True where a query may attend.
        within: a further restriction, so that a causal mask over keys with holes stays linear.
    """

    allowed: Bool[Tensor, "#batch #heads #query_len #key_len"]
    within: KeyRanges | None = None

    def tile(
        self,
        rows: Positions,
        columns: Int[Tensor, "columns"],
        batch: Positions = ALL,
        heads: Positions = ALL,
    ) -> Bool[Tensor, "#batch #heads #rows #columns"]:
        """Return True where some queries may attend to some keys."""
        visible = take(take(take(self.allowed, 2, rows), 1, heads), 0, batch)
        visible = visible[..., as_slice(columns)]
        if self.within is not None:
            visible = visible & self.within.tile(rows, columns, batch, heads)
        return visible

    def sees(self) -> Bool[Tensor, "#batch #heads #query_len"]:
        """Return False for a query that may attend to nothing."""
        if self.within is None:
            return self.allowed.any(-1)
        columns = torch.arange(self.allowed.shape[-1], device=self.allowed.device)
        rows = self.within.start.shape[-1]
        width = self.allowed.shape[-1] * max(self.allowed.shape[0], self.within.start.shape[0])
        width *= max(self.allowed.shape[1], self.within.start.shape[1])
        return torch.cat([self.tile(part, columns).any(-1) for part in chunks(rows, width)], dim=-1)

    def intersect(self, ranges: KeyRanges) -> DenseMask:
        """Return the keys that both let a query attend to."""
        within = ranges if self.within is None else self.within.intersect(ranges)
        return DenseMask(self.allowed, within)

    def describe(self) -> str:
        """Describe the mask in a few words."""
        return f"mask {list(self.allowed.shape)}" + ("" if self.within is None else " in ranges")

    def to(self, device: torch.device | str) -> DenseMask:
        """Return the same on another device."""
        return DenseMask(
            self.allowed.to(device), None if self.within is None else self.within.to(device)
        )

    @property
    def nbytes(self) -> int:
        """The memory of the mask."""
        return self.allowed.nbytes + (0 if self.within is None else self.within.nbytes)


def collapsed(x: Tensor) -> Shaped[Tensor, "#batch #heads #query_len #key_len"]:
    """Return four axes, where those along which the tensor was merely expanded are one wide."""
    x = x.reshape((1,) * (4 - x.ndim) + tuple(x.shape)) if x.ndim < 4 else x
    for axis in range(4):
        if x.shape[axis] > 1 and x.stride(axis) == 0:
            x = x.narrow(axis, 0, 1)
    return x


def checked_shape(
    x: Tensor, what: str, shape: Shape
) -> Shaped[Tensor, "#batch #heads #query_len #key_len"]:
    """Return x as four axes, if it broadcasts to the scores.

    Raises:
        ShapeError: it does not.
    """
    sizes = (1,) * (4 - x.ndim) + tuple(x.shape)
    if len(sizes) != 4 or any(
        size not in (1, full) for size, full in zip(sizes, shape, strict=False)
    ):
        raise ShapeError(
            f"A {what} of shape {tuple(x.shape)} does not broadcast to the scores "
            f"{tuple(shape)}: its axes are, from the last, key_len, query_len, heads, batch."
        )
    return collapsed(x.detach())


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
    """Return the keys in the windows of queries, of which query i stands at key i + offset.

    Args:
        causal: whether windows end at the query's own key.
        window: how many keys before and after its own a query sees; None for no limit.
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


def ranges_of_rows(
    visible: Bool[Tensor, "*rows key_len"],
) -> tuple[Int[Tensor, "*rows"], Int[Tensor, "*rows"]] | None:
    """Return start and end of the run of keys in each row, or None where a row has two runs."""
    bits = visible.contiguous().view(torch.uint8)
    count = visible.sum(-1, dtype=torch.int32)
    start = bits.argmax(-1).int()
    # A run begins where an entry is above the one before it.
    begins = (bits[..., 1:] > bits[..., :-1]).sum(-1, dtype=torch.int32) + bits[..., 0]
    if bool((begins > 1).any()):
        return None
    start = torch.where(count > 0, start, 0)
    return start, start + count


def compact_rows(
    rows_of: Callable[[slice], Tensor], query_len: int, key_len: int, width: int
) -> KeyRanges | None:
    """Return the ranges of a mask that comes row by row, or None where it is not of that form.

    Args:
        rows_of: a function from a slice of the queries to Bool["#batch #heads rows key_len"].
        width: entries of one query in all batches and heads, to bound a chunk.
    """
    parts = []
    for part in chunks(query_len, width):
        ranges = ranges_of_rows(rows_of(part))
        if ranges is None:
            return None
        parts.append(ranges)
    starts, ends = zip(*parts, strict=True)
    return KeyRanges(torch.cat(starts, -1), torch.cat(ends, -1))


def compact_allowed(
    visible: Bool[Tensor, "#batch #heads #query_len #key_len"], query_len: int, key_len: int
) -> KeyRanges | DenseMask:
    """Return a boolean mask in its smallest exact form."""
    batch, heads, rows, width = visible.shape
    if width == 1 and key_len > 1:  # a query sees all keys or none
        end = visible[..., 0].int() * key_len
        return _expanded(KeyRanges(torch.zeros_like(end), end), query_len)
    ranges = compact_rows(lambda part: visible[:, :, part], rows, key_len, batch * heads * key_len)
    if ranges is None:
        return DenseMask(visible.clone())
    return _expanded(ranges, query_len)


def _expanded(ranges: KeyRanges, query_len: int) -> KeyRanges:
    """Return ranges for every query where one stood for all."""
    shape = (*ranges.start.shape[:2], query_len)
    return KeyRanges(ranges.start.expand(shape), ranges.end.expand(shape))
