"""One query whose heads were handed to the kernel as if they were several queries.

Of a single new token, the heads that share keys can be packed along the query axis, so that a
kernel that knows no groups needs no repeated keys (Hugging Face does so in every step of a
generation): [batch, kv_heads * group, 1, head_dim] becomes [batch, kv_heads, group, head_dim].
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ...recording.captured import Captured, Unreadable
from ...scores.bias import DenseBias
from ...scores.key_ranges import KeyRanges
from ..owners import Owner, head_hints


def with_heads_unpacked(owner: Owner, captured: Captured) -> Captured:
    """The attention of one query with all its heads, where that is what it is.

    It is where the module was called with one token, and the heads and queries that the kernel
    got are together as many as the module has heads.
    """
    group = captured.query.shape[2]
    heads = captured.query.shape[1] * group
    if group == 1 or heads not in head_hints(owner.module) or not _is_one_token(owner):
        return captured
    if captured.query.shape[1] in head_hints(owner.module):
        return captured
    scoring = captured.scoring
    allowed, bias = scoring.allowed, scoring.bias
    if isinstance(allowed, KeyRanges):
        allowed = KeyRanges(*(_unpacked(x, group) for x in (allowed.start, allowed.end)))
    elif allowed is not None:
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
            allowed=allowed,
            bias=bias,
            flat=None if scoring.flat is None else _unpacked(scoring.flat, group),
        ),
    )


def _is_one_token(owner: Owner) -> bool:
    """Whether the module was called with a sequence of one token."""
    for module, call in owner.calls:
        if module is not owner.module:
            continue
        for given in call.values():
            if isinstance(given, Tensor) and given.ndim == 3 and given.is_floating_point():
                return given.shape[1] == 1
    return False


def _unpacked(x: Tensor, group: int) -> Tensor:
    """[batch, kv_heads|1, group|1, ...] as [batch, heads|1, 1, ...]."""
    if bool((x == x[:, :1, :1]).all()):
        return x[:, :1, :1]
    batch, heads, queries = x.shape[:3]
    if queries == 1:
        x = x.expand(batch, heads, group, *x.shape[3:])
    if heads == 1:
        raise Unreadable("heads that were packed as queries are masked as queries")
    return x.reshape(batch, heads * group, 1, *x.shape[3:])
