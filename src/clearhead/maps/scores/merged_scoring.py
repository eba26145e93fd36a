"""The scoring of several steps of a generation as that of one attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .bias import DenseBias, ToeplitzBias, compact_bias
from .key_ranges import DenseMask, KeyRanges, compact_allowed
from .scoring import Scoring


@dataclass(frozen=True, eq=False)
class Part:
    """One step: its scoring, its lengths, and the key at which its first key stands."""

    scoring: Scoring
    query_len: int
    key_len: int
    offset: int


def merged(parts: Sequence[Part], key_len: int) -> Scoring:
    """One scoring for the queries of all parts, against all keys.

    Args:
        key_len: how many keys there are together.
    """
    first = parts[0].scoring
    if len(parts) == 1:
        return first
    allowed = _allowed(parts, key_len)
    return replace(first, allowed=allowed, bias=_bias(parts, key_len, allowed), flat=_flat(parts))


def _allowed(parts: Sequence[Part], key_len: int) -> KeyRanges | DenseMask:
    if any(isinstance(part.scoring.allowed, DenseMask) for part in parts):
        return _dense(parts, key_len)
    starts, ends = [], []
    for part in parts:
        allowed = part.scoring.allowed
        if isinstance(allowed, KeyRanges):
            seen = allowed.sees()
            starts.append(torch.where(seen, allowed.start + part.offset, 0))
            ends.append(torch.where(seen, (allowed.end + part.offset).clamp(max=key_len), 0))
        else:
            end = min(part.offset + part.key_len, key_len)
            made = torch.full((1, 1, part.query_len), part.offset, dtype=torch.int32)
            starts.append(made)
            ends.append(torch.full_like(made, end))
    return KeyRanges(_joined(starts, -1), _joined(ends, -1))


def _dense(parts: Sequence[Part], key_len: int) -> KeyRanges | DenseMask:
    rows = []
    for part in parts:
        width = min(part.key_len, key_len - part.offset)
        allowed = part.scoring.allowed
        if allowed is None:
            known = torch.ones(1, 1, part.query_len, width, dtype=torch.bool)
        else:
            device = (
                allowed.start.device if isinstance(allowed, KeyRanges) else allowed.allowed.device
            )
            columns = torch.arange(width, device=device)
            known = allowed.tile(slice(0, part.query_len), columns)
            known = known.expand(*known.shape[:2], part.query_len, width)
        whole = known.new_zeros(*known.shape[:2], part.query_len, key_len)
        whole[..., part.offset : part.offset + width] = known
        rows.append(whole)
    together = _joined(rows, -2)
    return compact_allowed(together, together.shape[2], key_len)


def _bias(
    parts: Sequence[Part], key_len: int, allowed: KeyRanges | DenseMask
) -> ToeplitzBias | DenseBias | None:
    if all(part.scoring.bias is None for part in parts):
        return None
    rows = []
    for part in parts:
        width = min(part.key_len, key_len - part.offset)
        bias = part.scoring.bias
        if bias is None:
            whole = torch.zeros(1, 1, part.query_len, key_len)
        else:
            known = bias.tile(slice(0, part.query_len), slice(0, width))
            whole = known.new_zeros(*known.shape[:2], part.query_len, key_len)
            whole[..., part.offset : part.offset + width] = known
        rows.append(whole)
    together = _joined(rows, -2)
    visible = allowed.tile(
        slice(0, together.shape[2]), torch.arange(key_len, device=together.device)
    )
    if visible.shape[0] > together.shape[0] or visible.shape[1] > together.shape[1]:
        # What nobody sees may have any value, and then a bias by distance shows as such.
        visible = visible.any(0, keepdim=True).any(1, keepdim=True).expand(together.shape)
    return compact_bias(
        together, together.shape[2], key_len, visible.expand(together.shape).contiguous()
    )


def _flat(parts: Sequence[Part]) -> Tensor | None:
    if all(part.scoring.flat is None for part in parts):
        return None
    flats = [
        torch.zeros(1, 1, part.query_len, dtype=torch.bool)
        if part.scoring.flat is None
        else part.scoring.flat
        for part in parts
    ]
    return _joined(flats, -1)


def _joined(parts: Sequence[Tensor], axis: int) -> Tensor:
    """Concatenated, after batch and heads were broadcast to each other."""
    device = next((x.device for x in parts if x.device.type != "cpu"), parts[0].device)
    batch = max(x.shape[0] for x in parts)
    heads = max(x.shape[1] for x in parts)
    dtype = parts[0].dtype
    for x in parts[1:]:
        dtype = torch.promote_types(dtype, x.dtype)
    return torch.cat([x.to(device, dtype).expand(batch, heads, *x.shape[2:]) for x in parts], axis)
