"""Masks, as models pass them, in their smallest exact form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ....errors import ConfigError
from ....shapes import Bool, Float, Shaped
from ..bias import DenseBias, ToeplitzBias, compact_bias
from .compaction import checked_shape, compact_rows, compact_visible
from .dense_mask import DenseMask
from .flex_modifications import over_all_places
from .key_mask import KeyMask
from .key_ranges import KeyRanges, Shape


@dataclass(frozen=True, eq=False)
class CompactMask:
    """The effect of a mask on the scores.

    Attributes:
        mask: which keys a query may attend to; None for all.
        bias: added to the scores; None for nothing.
        flat: the queries that attend evenly to all their visible keys, because the mask added only
            hugely negative finite numbers to their scores, in which the scores are lost.
        in_float32: the effect of the mask on float32 scores, if it differs: in a sum with the
            lowest float16 number, float16 scores are lost but float32 scores are not.
    """

    mask: KeyMask | None = None
    bias: ToeplitzBias | DenseBias | None = None
    flat: Bool[Tensor, "#batch #heads query_len"] | None = None
    in_float32: CompactMask | None = None


def compact_mask(mask: Tensor, shape: Shape) -> CompactMask:
    """Return a mask of scaled_dot_product_attention in its smallest exact form.

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
            f"this one is of {mask.dtype}. Convert a mask of ones and zeros, as tokenizers return "
            f"it, by mask.bool()."
        )
    query_len, key_len = shape[2:]
    if mask.dtype == torch.bool:
        return CompactMask(_unless_all(mask, query_len, key_len))
    # Half the lowest number, because a bias may have been added to a mask of lowest numbers.
    threshold = torch.finfo(mask.dtype).min / 2
    visible = mask > threshold
    # Where a whole row is that low, its scores are lost: each sum rounds to the number added.
    highest = mask.amax(-1)
    flat = (highest <= threshold) & (highest > -torch.inf)
    if bool(flat.any()):
        return _with_flat_rows(mask, visible, flat, query_len, key_len)
    hides = not bool(visible.all())
    bias = compact_bias(mask, query_len, key_len, visible if hides else None)
    return CompactMask(compact_visible(visible, query_len, key_len) if hides else None, bias)


def _with_flat_rows(
    mask: Float[Tensor, "#batch #heads #query_len #key_len"],
    visible: Bool[Tensor, "#batch #heads #query_len #key_len"],
    flat: Bool[Tensor, "#batch #heads #query_len"],
    query_len: int,
    key_len: int,
) -> CompactMask:
    """Return a mask with flat rows, whose queries attend evenly to the keys where it is highest."""
    in_float32 = None
    if mask.dtype == torch.float16:
        in_float32 = _with_hidden_rows(mask, visible, flat, query_len, key_len)
    visible |= (mask == mask.amax(-1, keepdim=True)) & flat[..., None]
    bias = compact_bias(mask, query_len, key_len, visible & ~flat[..., None])
    return CompactMask(
        _unless_all(visible, query_len, key_len),
        bias,
        flat.expand(*flat.shape[:2], query_len),
        in_float32,
    )


def compact_mask_mod(
    mask_mod: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    shape: Shape,
    device: torch.device,
) -> KeyMask | None:
    """Return FlexAttention's ``mask_mod(b, h, q_idx, k_idx)`` in its smallest exact form.

    It is evaluated for every query and key, chunk by chunk.
    """
    batch, heads, query_len, key_len = shape
    batches, head_indices, queries, keys = (torch.arange(size, device=device) for size in shape)
    sees = over_all_places(mask_mod, with_score=False)

    def rows_of(part: slice) -> Tensor:
        return sees(batches, head_indices, queries[part], keys)

    ranges = compact_rows(rows_of, query_len, key_len, batch * heads * key_len)
    if ranges is None:
        return DenseMask(_merged(rows_of(slice(0, query_len))))
    start, end = ranges.start, ranges.end
    if bool((start == 0).all()) and bool((end == key_len).all()):
        return None
    start_and_end = _merged(torch.stack([start, end], -1))
    return KeyRanges(start_and_end[..., 0].contiguous(), start_and_end[..., 1].contiguous())


def _with_hidden_rows(
    mask: Float[Tensor, "#batch #heads #query_len #key_len"],
    visible: Bool[Tensor, "#batch #heads #query_len #key_len"],
    hidden: Bool[Tensor, "#batch #heads #query_len"],
    query_len: int,
    key_len: int,
) -> CompactMask:
    """Return a mask that adds to the scores of its hidden rows instead of forbidding them.

    Args:
        mask: of any numbers.
        visible: where the mask does not forbid.
        hidden: rows in which it forbids all keys, by finite numbers.
    """
    within = hidden[..., None] & (mask > -torch.inf)
    bias_of_others = compact_bias(mask, query_len, key_len, visible & ~hidden[..., None])
    highest = mask.amax(-1, keepdim=True).masked_fill(~hidden[..., None], 0)
    if bias_of_others is None and bool(((mask == highest) | ~within).all()):
        bias: ToeplitzBias | DenseBias | None = DenseBias(highest)  # one number for each row
    else:
        bias = compact_bias(mask, query_len, key_len, visible | within)
    return CompactMask(_unless_all(visible | within, query_len, key_len), bias)


def _unless_all(
    visible: Bool[Tensor, "#batch #heads #query_len #key_len"], query_len: int, key_len: int
) -> KeyMask | None:
    return None if bool(visible.all()) else compact_visible(visible, query_len, key_len)


def _merged(x: Shaped[Tensor, "batch heads *rest"]) -> Shaped[Tensor, "#batch #heads *rest"]:
    """Return one batch row and one head where all of them are the same."""
    for axis in (0, 1):
        first = x.narrow(axis, 0, 1)
        if x.shape[axis] > 1 and bool((x == first).all()):
            x = first
    return x
