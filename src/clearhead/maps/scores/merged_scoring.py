"""The scorings of several steps of a generation, merged into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...shapes import Bool, Shaped
from .bias import DenseBias, ToeplitzBias, compact_bias
from .masks.compaction import compact_visible
from .masks.key_mask import KeyMask
from .masks.key_ranges import KeyRanges
from .scoring import Scoring


@dataclass(frozen=True, eq=False)
class CallScoring:
    """One step: its scoring, its lengths, and the index of its first key among all keys."""

    scoring: Scoring
    query_len: int
    key_len: int
    offset: int


def merged(parts: Sequence[CallScoring], key_len: int) -> Scoring:
    """Return one scoring for the queries of all steps against all keys.

    Args:
        key_len: how many keys there are together.
    """
    first = parts[0].scoring
    if len(parts) == 1:
        return first
    visible = _visible(parts, key_len)
    return replace(first, mask=visible, bias=_bias(parts, key_len, visible), flat=_flat(parts))


def _visible(parts: Sequence[CallScoring], key_len: int) -> KeyMask:
    """Return which of all keys the queries of all parts may attend to."""
    if not all(isinstance(part.scoring.mask, KeyRanges | None) for part in parts):
        return _dense(parts, key_len)
    starts, ends = [], []
    for part in parts:
        mask = part.scoring.mask
        if isinstance(mask, KeyRanges):
            sees = mask.sees()
            starts.append(torch.where(sees, mask.start + part.offset, 0))
            ends.append(torch.where(sees, (mask.end + part.offset).clamp(max=key_len), 0))
        else:
            start = torch.full((1, 1, part.query_len), part.offset, dtype=torch.int32)
            starts.append(start)
            ends.append(torch.full_like(start, min(part.offset + part.key_len, key_len)))
    return KeyRanges(_concatenated(starts, -1), _concatenated(ends, -1))


def _dense(parts: Sequence[CallScoring], key_len: int) -> KeyMask:
    """Return the same mask, computed through a boolean for every query and key."""
    rows = []
    for part in parts:
        width = min(part.key_len, key_len - part.offset)
        mask = part.scoring.mask
        if mask is None:
            own = torch.ones(1, 1, part.query_len, width, dtype=torch.bool)
        else:
            own = mask.tile(slice(0, part.query_len), torch.arange(width, device=mask.device))
            own = own.expand(*own.shape[:2], part.query_len, width)
        every_key = own.new_zeros(*own.shape[:2], part.query_len, key_len)
        every_key[..., part.offset : part.offset + width] = own
        rows.append(every_key)
    visible = _concatenated(rows, -2)
    return compact_visible(visible, visible.shape[2], key_len)


def _bias(
    parts: Sequence[CallScoring], key_len: int, mask: KeyMask
) -> ToeplitzBias | DenseBias | None:
    """Return what is added to the scores of all queries and keys."""
    if all(part.scoring.bias is None for part in parts):
        return None
    rows = []
    for part in parts:
        width = min(part.key_len, key_len - part.offset)
        bias = part.scoring.bias
        if bias is None:
            every_key = torch.zeros(1, 1, part.query_len, key_len)
        else:
            own = bias.tile(slice(0, part.query_len), slice(0, width))
            every_key = own.new_zeros(*own.shape[:2], part.query_len, key_len)
            every_key[..., part.offset : part.offset + width] = own
        rows.append(every_key)
    total = _concatenated(rows, -2)
    visible = mask.tile(slice(0, total.shape[2]), torch.arange(key_len, device=total.device))
    if visible.shape[0] > total.shape[0] or visible.shape[1] > total.shape[1]:
        # The bias of hidden places may have any value; ignoring it reveals a bias by distance.
        visible = visible.any(0, keepdim=True).any(1, keepdim=True).expand(total.shape)
    return compact_bias(total, total.shape[2], key_len, visible.expand(total.shape).contiguous())


def _flat(parts: Sequence[CallScoring]) -> Bool[Tensor, "#batch #heads query_len"] | None:
    """Return the queries of all parts that attend evenly."""
    if all(part.scoring.flat is None for part in parts):
        return None
    flats = [
        torch.zeros(1, 1, part.query_len, dtype=torch.bool)
        if part.scoring.flat is None
        else part.scoring.flat
        for part in parts
    ]
    return _concatenated(flats, -1)


def _concatenated(parts: Sequence[Tensor], axis: int) -> Shaped[Tensor, "batch heads *rest"]:
    """Concatenate tensors after broadcasting batch and heads to each other."""
    device = next((x.device for x in parts if x.device.type != "cpu"), parts[0].device)
    batch = max(x.shape[0] for x in parts)
    heads = max(x.shape[1] for x in parts)
    dtype = parts[0].dtype
    for x in parts[1:]:
        dtype = torch.promote_types(dtype, x.dtype)
    return torch.cat([x.to(device, dtype).expand(batch, heads, *x.shape[2:]) for x in parts], axis)
