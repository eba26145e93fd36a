"""Unpacks the heads of one query that were passed to the kernel as several queries.

The heads of a single new token that share keys can be packed along the query axis, so that a kernel
without grouped heads needs no repeated keys (Hugging Face does so in every step of a generation):
[batch, kv_heads * group, 1, head_dim] becomes [batch, kv_heads, group, head_dim].
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ....shapes import Shaped
from ...recording.captured import CapturedAttention, Unreadable
from ...scores.bias import DenseBias
from ...scores.masks.key_ranges import KeyRanges
from ..owners import Owner, head_hints


def with_heads_unpacked(owner: Owner, captured: CapturedAttention) -> CapturedAttention:
    """Return an attention with the heads of its one query unpacked, if they are packed.

    They are if the module was called with one token, and has as many heads as the kernel's heads
    times its queries.

    Raises:
        Unreadable: the mask cannot be unpacked.
    """
    group = captured.query.shape[2]
    heads = captured.query.shape[1] * group
    if group == 1 or not _is_one_token(owner):
        return captured
    hints = head_hints(owner.module)
    if heads not in hints or captured.query.shape[1] in hints:
        return captured
    scoring = captured.scoring
    mask, bias = scoring.mask, scoring.bias
    if isinstance(mask, KeyRanges):
        mask = KeyRanges(*(_unpacked(x, group) for x in (mask.start, mask.end)))
    elif mask is not None:
        raise Unreadable("heads that were packed as queries have a mask with holes")
    if isinstance(bias, DenseBias):
        bias = DenseBias(_unpacked(bias.values, group))
    elif bias is not None:
        bias = DenseBias(
            _unpacked(bias.tile(slice(0, group), slice(0, captured.key.shape[2])), group)
        )
    return replace(
        captured,
        query=captured.query.reshape(captured.query.shape[0], heads, 1, -1),
        lse=None if captured.lse is None else captured.lse.reshape(-1, heads, 1),
        scoring=replace(
            scoring,
            mask=mask,
            bias=bias,
            flat=None if scoring.flat is None else _unpacked(scoring.flat, group),
        ),
    )


def _is_one_token(owner: Owner) -> bool:
    """Return whether the module was called with a sequence of one token."""
    for module, call in owner.calls:
        if module is not owner.module:
            continue
        for x in call.values():
            if isinstance(x, Tensor) and x.ndim == 3 and x.is_floating_point():
                return x.shape[1] == 1
    return False


def _unpacked(
    x: Shaped[Tensor, "batch #kv_heads #group *rest"], group: int
) -> Shaped[Tensor, "batch #heads 1 *rest"]:
    """Move heads that were packed as queries back to their own axis."""
    if bool((x == x[:, :1, :1]).all()):
        return x[:, :1, :1]
    batch, heads, queries = x.shape[:3]
    if queries == 1:
        x = x.expand(batch, heads, group, *x.shape[3:])
    if heads == 1:
        raise Unreadable("heads that were packed as queries are masked as queries")
    return x.reshape(batch, heads * group, 1, *x.shape[3:])
