"""Boolean masks in their smallest exact form: one run of keys per query, where possible."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....errors import ShapeError
from ....shapes import Bool, Int, Shaped
from ..positions import chunks
from .dense_mask import DenseMask
from .key_ranges import KeyRanges, Shape


def collapsed(x: Tensor) -> Shaped[Tensor, "#batch #heads #query_len #key_len"]:
    """Return the tensor with four axes; those along which it was only expanded have size 1."""
    x = x.reshape((1,) * (4 - x.ndim) + tuple(x.shape)) if x.ndim < 4 else x
    for axis in range(4):
        if x.shape[axis] > 1 and x.stride(axis) == 0:
            x = x.narrow(axis, 0, 1)
    return x


def checked_shape(
    x: Tensor, what: str, shape: Shape
) -> Shaped[Tensor, "#batch #heads #query_len #key_len"]:
    """Return x with four axes, after checking that it broadcasts to the scores.

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
    """Return the ranges of a mask computed some rows at a time; None if it has no such form.

    Args:
        rows_of: a function from a slice of the queries to Bool["#batch #heads rows key_len"].
        width: entries of one query over all batch rows and heads, to bound the size of a chunk.
    """
    parts = []
    for part in chunks(query_len, width):
        ranges = ranges_of_rows(rows_of(part))
        if ranges is None:
            return None
        parts.append(ranges)
    starts, ends = zip(*parts, strict=True)
    return KeyRanges(torch.cat(starts, -1), torch.cat(ends, -1))


def compact_visible(
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
