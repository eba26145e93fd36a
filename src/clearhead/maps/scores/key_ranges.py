"""Which keys a query may attend to, held in memory linear in the length where that is exact.

Almost every mask in use lets a query see one unbroken run of keys: causal masks, sliding windows,
padding on either side, packed documents and their combinations. Such a mask is two numbers per
query. What is not of that form is kept as it came, its broadcast axes one wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ShapeError

Positions = slice | Tensor
"""What is taken along an axis: a slice of step 1, or a vector of indices that are not negative."""

ALL = slice(None)

# Of a mask that is examined, so many entries at a time: a pass then needs little memory beside it.
_CHUNK_ENTRIES = 1 << 21


class Hull(NamedTuple):
    """Of some queries: none attends to a key outside [first, end), all to [inner_first, inner_end).

    The second is empty where its end is not above its beginning.
    """

    first: int
    inner_first: int
    inner_end: int
    end: int


@dataclass(frozen=True, eq=False)
class KeyRanges:
    """Query i may attend to the keys ``start[i] <= j < end[i]``; to none where they are equal.

    Attributes:
        start, end: Int32["batch|1 heads|1 query_len"].
    """

    start: Tensor
    end: Tensor

    def tile(
        self, rows: Positions, columns: Tensor, batch: Positions = ALL, heads: Positions = ALL
    ) -> Tensor:
        """Bool["batch|1 heads|1 rows columns"]; columns are given as a vector of key indices."""
        start, end = (
            take(take(take(x, -1, rows), 1, heads), 0, batch)[..., None]
            for x in (self.start, self.end)
        )
        return (columns >= start) & (columns < end)

    def hull(self, rows: Positions = ALL, batch: Positions = ALL, heads: Positions = ALL) -> Hull:
        """What these rows may attend to together, and what each of them may."""
        start, end = (
            take(take(take(x, -1, rows), 1, heads), 0, batch) for x in (self.start, self.end)
        )
        if not start.numel():
            return Hull(0, 0, 0, 0)
        inner_first, inner_end = int(start.max()), int(end.min())
        last = int(end.max())
        first = int(torch.where(end > start, start, last).min())
        return Hull(first, inner_first, inner_end, last)

    def sees(self) -> Tensor:
        """Bool["batch|1 heads|1 query_len"]: False for a query that may attend to nothing."""
        return self.end > self.start

    def intersect(self, other: KeyRanges) -> KeyRanges:
        """The keys that both allow."""
        start = torch.maximum(self.start, other.start)
        end = torch.minimum(self.end, other.end)
        seen = end > start
        return KeyRanges(torch.where(seen, start, 0), torch.where(seen, end, 0))

    def describe(self) -> str:
        """A few words."""
        steps = torch.arange(self.end.shape[-1], device=self.end.device)
        last = self.end - steps
        if bool((self.start == 0).all()) and bool((last == last[..., :1]).all()):
            return "causal mask"
        if bool((self.start == self.start[..., :1]).all() & (self.end == self.end[..., :1]).all()):
            return "padding mask"
        return "mask of one run of keys per query"

    def to(self, device: torch.device | str) -> KeyRanges:
        """The same on another device."""
        return KeyRanges(self.start.to(device), self.end.to(device))

    @property
    def nbytes(self) -> int:
        """Memory of the two vectors."""
        return self.start.nbytes + self.end.nbytes


@dataclass(frozen=True, eq=False)
class DenseMask:
    """A mask that is not one run of keys per query.

    Attributes:
        allowed: Bool["batch|1 heads|1 query_len|1 key_len"], True where a query may attend.
        within: a further restriction, so that a causal mask over keys with holes stays linear.
    """

    allowed: Tensor
    within: KeyRanges | None = None

    def tile(
        self, rows: Positions, columns: Tensor, batch: Positions = ALL, heads: Positions = ALL
    ) -> Tensor:
        """Bool["batch|1 heads|1 rows|1 columns"]."""
        found = take(take(take(self.allowed, 2, rows), 1, heads), 0, batch)
        found = found[..., as_slice(columns)]
        if self.within is not None:
            found = found & self.within.tile(rows, columns, batch, heads)
        return found

    def sees(self) -> Tensor:
        """Bool["batch|1 heads|1 query_len|1"]: False for a query that may attend to nothing."""
        if self.within is None:
            return self.allowed.any(-1)
        columns = torch.arange(self.allowed.shape[-1], device=self.allowed.device)
        rows = self.within.start.shape[-1]
        width = self.allowed.shape[-1] * max(self.allowed.shape[0], self.within.start.shape[0])
        width *= max(self.allowed.shape[1], self.within.start.shape[1])
        return torch.cat([self.tile(part, columns).any(-1) for part in chunks(rows, width)], dim=-1)

    def intersect(self, ranges: KeyRanges) -> DenseMask:
        """The keys that both allow."""
        within = ranges if self.within is None else self.within.intersect(ranges)
        return DenseMask(self.allowed, within)

    def describe(self) -> str:
        """A few words."""
        return f"mask {list(self.allowed.shape)}" + ("" if self.within is None else " in ranges")

    def to(self, device: torch.device | str) -> DenseMask:
        """The same on another device."""
        return DenseMask(
            self.allowed.to(device), None if self.within is None else self.within.to(device)
        )

    @property
    def nbytes(self) -> int:
        """Memory of the mask."""
        return self.allowed.nbytes + (0 if self.within is None else self.within.nbytes)


def take(x: Tensor, axis: int, positions: Positions) -> Tensor:
    """x at these positions of an axis, where an axis of one stands for all of them."""
    return x if x.shape[axis] == 1 else pick(x, axis, positions)


def pick(x: Tensor, axis: int, positions: Positions) -> Tensor:
    """x at these positions of an axis; a slice gives a view."""
    if isinstance(positions, slice):
        start, stop, _ = positions.indices(x.shape[axis])
        return x.narrow(axis, start, max(stop - start, 0))
    return x.index_select(axis, positions)


def indices(positions: Positions, size: int, device: torch.device) -> Tensor:
    """The positions along an axis of this size as a vector."""
    if isinstance(positions, Tensor):
        return positions
    start, stop, _ = positions.indices(size)
    return torch.arange(start, max(start, stop), device=device)


def explicit(positions: Positions, size: int) -> Positions:
    """A slice with both ends; vectors as they are."""
    if isinstance(positions, Tensor):
        return positions
    start, stop, _ = positions.indices(size)
    return slice(start, max(start, stop))


def as_slice(positions: Tensor) -> Positions:
    """A slice in place of a vector that counts up by one, so that indexing copies nothing."""
    count = positions.numel()
    if count and int(positions[-1]) - int(positions[0]) == count - 1:
        first = int(positions[0])
        if count <= 2 or bool((positions.diff() == 1).all()):
            return slice(first, first + count)
    return positions


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Slices of the rows, each of at most a bounded number of entries."""
    step = max(1, _CHUNK_ENTRIES // max(width, 1))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


def collapsed(x: Tensor) -> Tensor:
    """Four axes, where those along which the tensor was merely expanded are one wide."""
    x = x.reshape((1,) * (4 - x.ndim) + tuple(x.shape)) if x.ndim < 4 else x
    for axis in range(4):
        if x.shape[axis] > 1 and x.stride(axis) == 0:
            x = x.narrow(axis, 0, 1)
    return x


def checked_shape(x: Tensor, what: str, shape: tuple[int, int, int, int]) -> Tensor:
    """x as four axes, if it broadcasts to [batch, heads, query_len, key_len].

    Raises:
        ShapeError: it does not.
    """
    sizes = (1,) * (4 - x.ndim) + tuple(x.shape)
    if len(sizes) != 4 or any(
        got not in (1, want) for got, want in zip(sizes, shape, strict=False)
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
    """Query i stands at key i + offset and sees its window, up to its own key if causal."""
    before, after = window
    position = torch.arange(query_len, device=device, dtype=torch.int64) + offset
    if causal:
        after = 0 if after is None else min(after, 0)
    start = torch.zeros_like(position) if before is None else position - before
    end = torch.full_like(position, key_len) if after is None else position + after + 1
    start, end = start.clamp(0, key_len), end.clamp(0, key_len)
    seen = end > start
    start, end = torch.where(seen, start, 0), torch.where(seen, end, 0)
    return KeyRanges(start.int()[None, None], end.int()[None, None])


def ranges_of_rows(allowed: Tensor) -> tuple[Tensor, Tensor] | None:
    """(start, end) Int32[...] of Bool[..., key_len], or None where a row has two runs."""
    bits = allowed.contiguous().view(torch.uint8)
    count = allowed.sum(-1, dtype=torch.int32)
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
    """Ranges of a mask that is given row by row, or None where it is not of that form.

    Args:
        rows_of: Bool["batch|1 heads|1 rows key_len"] of a slice of the queries.
        width: entries of one query in all batches and heads, to bound a chunk.
    """
    parts = []
    for part in chunks(query_len, width):
        found = ranges_of_rows(rows_of(part))
        if found is None:
            return None
        parts.append(found)
    starts, ends = zip(*parts, strict=True)
    return KeyRanges(torch.cat(starts, -1), torch.cat(ends, -1))


def compact_allowed(allowed: Tensor, query_len: int, key_len: int) -> KeyRanges | DenseMask:
    """A boolean mask of four axes in its smallest exact form."""
    batch, heads, rows, width = allowed.shape
    if width == 1 and key_len > 1:  # whole rows are allowed or not
        end = allowed[..., 0].int() * key_len
        return _expanded(KeyRanges(torch.zeros_like(end), end), query_len)
    found = compact_rows(lambda part: allowed[:, :, part], rows, key_len, batch * heads * key_len)
    if found is None:
        return DenseMask(allowed.clone())
    return _expanded(found, query_len)


def _expanded(ranges: KeyRanges, query_len: int) -> KeyRanges:
    shape = (*ranges.start.shape[:2], query_len)
    return KeyRanges(ranges.start.expand(shape), ranges.end.expand(shape))
