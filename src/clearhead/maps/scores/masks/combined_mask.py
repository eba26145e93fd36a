"""Everything that hides keys or adds to scores in one call of an attention, as one mask."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....errors import ConfigError
from ..bias import DenseBias, ToeplitzBias, compact_bias
from .compact_mask import CompactMask, compact_mask, compact_mask_mod
from .compaction import checked_shape
from .key_mask import intersection
from .key_ranges import KeyRanges, Shape, causal_ranges

MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
Window = int | tuple[int | None, int | None]
Bias = Tensor | ToeplitzBias | DenseBias


def combined_mask(
    mask: Tensor | CompactMask | None,
    bias: Bias | None,
    shape: Shape,
    dtype: torch.dtype,
    device: torch.device,
    *,
    causal: bool,
    causal_offset: int,
    window: Window | None,
    mask_mod: MaskMod | None,
    has_sinks: bool,
    added_in: torch.dtype | None,
) -> CompactMask:
    """Combine the arguments of `Scoring.of` that hide keys or add to scores.

    Raises:
        ShapeError: a mask or bias does not broadcast to the shape.
        ConfigError: one of them is of a dtype, or a window of a size, that makes no sense.
    """
    effect, bias = _effect_of(mask, bias, shape, dtype)
    if effect.in_float32 and added_in == torch.float32:
        effect = effect.in_float32
    visible, flat = effect.mask, effect.flat
    if flat is not None and has_sinks:
        # The mask swallows the scores but not the sink's logit, so the sink takes all the weight.
        end = torch.where(flat, 0, shape[3]).int()
        visible, flat = intersection(visible, KeyRanges(torch.zeros_like(end), end)), None
    if mask_mod is not None:
        visible = intersection(visible, compact_mask_mod(mask_mod, shape, device))
    if causal or window is not None:
        ranges = causal_ranges(
            *shape[2:],
            causal=causal,
            offset=causal_offset,
            window=_checked_window(window),
            device=device,
        )
        visible = intersection(visible, ranges)
    return CompactMask(visible, _sum(bias, effect.bias, shape, dtype), flat)


def _effect_of(
    mask: Tensor | CompactMask | None, bias: Bias | None, shape: Shape, dtype: torch.dtype
) -> tuple[CompactMask, Bias | None]:
    """Return the effect of the mask, and the bias unless it has become a part of it."""
    if not isinstance(mask, Tensor):
        return mask or CompactMask(), bias
    if mask.is_floating_point() and isinstance(bias, Tensor) and bias.is_floating_point():
        # Mask and bias may each hide what the other shows. A row with nothing left then attends
        # evenly to the keys that their sum hides least.
        wide_bias = checked_shape(bias, "bias", shape).to(dtype)
        mask, bias = _wide_sum(wide_bias, checked_shape(mask, "mask", shape)), None
    return compact_mask(mask, shape), bias


def _wide_sum(bias: Tensor, mask: Tensor) -> Tensor:
    """Return bias plus mask, in which the lowest numbers of the mask's dtype are lowest too."""
    total = bias + mask
    if total.dtype != torch.float64 or mask.dtype not in (torch.float32, torch.bfloat16):
        return total
    lowest, lowest_of_mask = torch.finfo(total.dtype).min, torch.finfo(mask.dtype).min
    forbids = (mask <= lowest_of_mask / 2) & total.isfinite()
    return torch.where(forbids, (total * (lowest / lowest_of_mask)).clamp(min=lowest), total)


def _sum(
    bias: Bias | None, more: ToeplitzBias | DenseBias | None, shape: Shape, dtype: torch.dtype
) -> ToeplitzBias | DenseBias | None:
    """Return what both add to the scores."""
    query_len, key_len = shape[2:]
    if isinstance(bias, Tensor):
        bias = compact_bias(checked_shape(bias, "bias", shape), query_len, key_len)
    if bias is None or more is None:
        return more if bias is None else bias
    rows, columns = slice(0, query_len), slice(0, key_len)
    total = bias.tile(rows, columns).to(dtype) + more.tile(rows, columns)
    return compact_bias(total, query_len, key_len)


def _checked_window(window: Window | None) -> tuple[int | None, int | None]:
    """Return how many keys a window has before and after.

    Raises:
        ConfigError: one of them is below 0.
    """
    before, after = window if isinstance(window, tuple) else (window, window)
    if any(side is not None and side < 0 for side in (before, after)):
        raise ConfigError(
            f"A window counts keys before and after: 0 or more, or None; got {window}."
        )
    return before, after
