"""From the masks that models pass to their smallest exact form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from .bias import DenseBias, ToeplitzBias, compact_bias
from .key_ranges import DenseMask, KeyRanges, checked_shape, compact_allowed, compact_rows

Shape = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class CompactMask:
    """What one mask tensor says.

    Attributes:
        allowed: which keys a query may attend to; None for all.
        bias: what is added to the scores; None for nothing.
        flat: Bool["batch|1 heads|1 query_len"], the queries that attend evenly to whatever they
            are allowed, since only hugely negative finite numbers were added to their scores.
        in_float32: what it says where it is added to scores of float32, if that is something
            else: the lowest float16 swallows scores of float16, but no others.
    """

    allowed: KeyRanges | DenseMask | None = None
    bias: ToeplitzBias | DenseBias | None = None
    flat: Tensor | None = None
    in_float32: CompactMask | None = None


def compact_mask(mask: Tensor, shape: Shape) -> CompactMask:
    """A mask as scaled_dot_product_attention takes it, in its smallest exact form.

    Args:
        mask: boolean or float, broadcast to the shape.
        shape: (batch, heads, query_len, key_len).

    Raises:
        ShapeError: it does not broadcast.
        ConfigError: it is of integers, which may mean either.
    """
    mask = checked_shape(mask, "mask", shape)
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ConfigError(
            f"A mask is boolean, True where a query may attend, or floating, added to the scores; "
            f"this one is of {mask.dtype}. Of ones and zeros, as tokenizers give it: mask.bool()."
        )
    query_len, key_len = shape[2:]
    if mask.dtype == torch.bool:
        return CompactMask(_unless_all(mask, query_len, key_len))
    # Half the lowest number: what is left when a bias was added to a mask of lowest numbers.
    threshold = torch.finfo(mask.dtype).min / 2
    allowed = mask > threshold
    # Where the whole row lies that low, adding it to a score gives the number that was added.
    highest = mask.amax(-1)
    flat = (highest <= threshold) & (highest > -torch.inf)
    bias = None
    if bool(flat.any()):
        in_float32 = None
        if mask.dtype == torch.float16:
            in_float32 = _with_hidden_rows(mask, allowed, flat, query_len, key_len)
        allowed |= (mask == highest[..., None]) & flat[..., None]
        bias = compact_bias(mask, query_len, key_len, allowed & ~flat[..., None])
        return CompactMask(
            _unless_all(allowed, query_len, key_len),
            bias,
            flat.expand(*flat.shape[:2], query_len),
            in_float32,
        )
    forbids = not bool(allowed.all())
    bias = compact_bias(mask, query_len, key_len, allowed if forbids else None)
    return CompactMask(compact_allowed(allowed, query_len, key_len) if forbids else None, bias)


def compact_mask_mod(
    mask_mod: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    shape: Shape,
    device: torch.device,
) -> KeyRanges | DenseMask | None:
    """FlexAttention's ``mask_mod(b, h, q_idx, k_idx)``, asked for every place, chunk by chunk."""
    from .flex_modifications import over_all_places

    batch, heads, query_len, key_len = shape
    batches, head_indices, queries, keys = (torch.arange(size, device=device) for size in shape)
    asked = over_all_places(mask_mod, with_score=False)

    def rows_of(part: slice) -> Tensor:
        return asked(batches, head_indices, queries[part], keys)

    found = compact_rows(rows_of, query_len, key_len, batch * heads * key_len)
    if found is None:
        return DenseMask(_merged(rows_of(slice(0, query_len))))
    start, end = found.start, found.end
    if bool((start == 0).all()) and bool((end == key_len).all()):
        return None
    same = _merged(torch.stack([start, end], -1))
    return KeyRanges(same[..., 0].contiguous(), same[..., 1].contiguous())


def both_allowed(
    one: KeyRanges | DenseMask | None, other: KeyRanges | DenseMask | None
) -> KeyRanges | DenseMask | None:
    """The keys that both allow; None stands for all."""
    if one is None or other is None:
        return one if other is None else other
    if isinstance(one, KeyRanges) and isinstance(other, KeyRanges):
        return one.intersect(other)
    if isinstance(one, DenseMask) and isinstance(other, DenseMask):
        within = one.within if other.within is None else other.within
        if one.within is not None and other.within is not None:
            within = one.within.intersect(other.within)
        return DenseMask(one.allowed & other.allowed, within)
    if isinstance(one, DenseMask) and isinstance(other, KeyRanges):
        return one.intersect(other)
    assert isinstance(one, KeyRanges)
    assert isinstance(other, DenseMask)
    return other.intersect(one)


def _with_hidden_rows(
    mask: Tensor, allowed: Tensor, hidden: Tensor, query_len: int, key_len: int
) -> CompactMask:
    """A mask whose hidden rows keep what is added to them.

    Args:
        mask: Float["batch|1 heads|1 query_len|1 key_len|1"].
        allowed: of the same shape, where the mask does not forbid.
        hidden: Bool["batch|1 heads|1 query_len|1"], rows in which it forbids all keys, with numbers
            that are finite.
    """
    within = hidden[..., None] & (mask > -torch.inf)
    kept = compact_bias(mask, query_len, key_len, allowed & ~hidden[..., None])
    highest = mask.amax(-1, keepdim=True).masked_fill(~hidden[..., None], 0)
    if kept is None and bool(((mask == highest) | ~within).all()):
        bias: ToeplitzBias | DenseBias | None = DenseBias(highest)  # one number for each row
    else:
        bias = compact_bias(mask, query_len, key_len, allowed | within)
    return CompactMask(_unless_all(allowed | within, query_len, key_len), bias)


def _unless_all(allowed: Tensor, query_len: int, key_len: int) -> KeyRanges | DenseMask | None:
    return None if bool(allowed.all()) else compact_allowed(allowed, query_len, key_len)


def _merged(x: Tensor) -> Tensor:
    """One batch row and one head where all of them are the same."""
    for axis in (0, 1):
        first = x.narrow(axis, 0, 1)
        if x.shape[axis] > 1 and bool((x == first).all()):
            x = first
    return x
