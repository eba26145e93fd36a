"""Edits edges of fused attention: the kernel runs again for the edited queries.

A removed edge is an entry of the mask. An edge whose weight is set to 0 after the softmax acts as
if, for its queries, the key's value were 0. So no weights are computed, and memory stays linear in
the length: queries are processed in blocks, each with its own mask.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ...shapes import Float, Int, Shaped
from .edge_plan import EdgeGroup, over_queries

_LARGEST_MASK = 1 << 24  # entries of one block's mask, over all heads and texts of a batch
_LARGEST_WHOLE_MASK = 1 << 26


@dataclass(frozen=True)
class FusedCall:
    """The arguments of `scaled_dot_product_attention`, with batch and heads as the first axes."""

    query: Float[Tensor, "batch heads query_len head_dim"]
    key: Float[Tensor, "batch kv_heads key_len head_dim"]
    value: Float[Tensor, "batch kv_heads key_len value_dim"]
    mask: Shaped[Tensor, "#batch #heads #query_len key_len"] | None = None
    dropout: float = 0.0
    causal: bool = False
    scale: float | None = None
    grouped: bool = False

    def run(self) -> Float[Tensor, "batch heads query_len value_dim"]:
        """Return what the kernel computes."""
        more = {"enable_gqa": True} if self.grouped else {}
        return F.scaled_dot_product_attention(
            self.query,
            self.key,
            self.value,
            attn_mask=self.mask,
            dropout_p=self.dropout,
            is_causal=self.causal,
            scale=self.scale,
            **more,
        )

    def with_heads_repeated(self) -> FusedCall:
        """Return the call with a key and a value for each query head."""
        group = self.query.shape[1] // self.key.shape[1]
        if group <= 1:
            return self
        key, value = (x.repeat_interleave(group, 1) for x in (self.key, self.value))
        return replace(self, key=key, value=value, grouped=False)


def attend(
    call: FusedCall, groups: Sequence[EdgeGroup]
) -> Float[Tensor, "batch heads query_len value_dim"]:
    """Return the output of a fused attention with some of its edges edited.

    Args:
        call: the attention.
        groups: the edges, as `edge_groups` has them.
    """
    if _is_watched() and all(group.zeroed is None for group in groups):
        mask_shape = (_texts(call, groups), *call.query.shape[1:3], call.key.shape[2])
        if math.prod(mask_shape) <= _LARGEST_WHOLE_MASK:
            return _whole(call, groups, mask_shape).run()
    if len(groups) == 1 and groups[0].heads is None and groups[0].rows is None:
        return _all_rows(call, groups[0])
    output = call.run()
    for group in groups:
        heads = group.heads
        part = call if heads is None else _with_heads(call, heads)
        rows = group.rows
        if rows is None:
            changed = _all_rows(part, group)
        else:
            changed = torch.cat(
                [_block(part, group, block) for block in _blocks(part, group, rows)], dim=2
            )
            around = output if heads is None else output.index_select(1, heads)
            changed = around.index_copy(2, rows, changed)
        output = changed if heads is None else output.index_copy(1, heads, changed)
    return output


def _is_watched() -> bool:
    """Return whether a recorder or another mode is watching, which should see a single kernel."""
    return torch._C._len_torch_dispatch_stack() > 0


def _whole(
    call: FusedCall, groups: Sequence[EdgeGroup], shape: tuple[int, int, int, int]
) -> FusedCall:
    """Return a call with all removed edges in its mask."""
    removed = torch.zeros(shape, dtype=torch.bool, device=call.query.device)
    rows = torch.arange(shape[2], device=removed.device)
    for group in groups:
        assert group.removed is not None
        heads = torch.arange(shape[1], device=removed.device)
        heads = heads if group.heads is None else group.heads
        of_rows = rows if group.rows is None else group.rows
        removed[:, heads[:, None], of_rows] = over_queries(group.removed)
    mask = call.mask
    if call.causal:
        mask = torch.arange(shape[3], device=removed.device) <= rows[:, None]
    return replace(call, mask=_forbid(mask, removed), causal=False)


def _all_rows(call: FusedCall, group: EdgeGroup) -> Tensor:
    """Return the output of all queries of a call, each with the same edited keys."""
    if group.removed is None:
        return replace(call, value=_without(call.value, group.zeroed)).run()
    rows = torch.arange(call.query.shape[2], device=call.query.device)
    return torch.cat([_block(call, group, block) for block in _blocks(call, group, rows)], dim=2)


def _texts(call: FusedCall, groups: Sequence[EdgeGroup]) -> int:
    """Return the batch size if a group has different keys for each text, else 1."""
    keys = [one for group in groups for one in (group.removed, group.zeroed) if one is not None]
    return call.query.shape[0] if any(one.ndim > 1 for one in keys) else 1


def _blocks(
    call: FusedCall, group: EdgeGroup, rows: Int[Tensor, rows]
) -> Iterator[Int[Tensor, block_rows]]:
    """Split queries so that the mask of each block is small."""
    sizes = (1, 1) if call.mask is None else (1, 1, *call.mask.shape[:-2])[-2:]
    copies = max(sizes[0], _texts(call, [group])) * sizes[1]
    size = max(16, _LARGEST_MASK // max(1, copies * call.key.shape[2]))
    yield from rows.split(size)


def _block(call: FusedCall, group: EdgeGroup, rows: Int[Tensor, block_rows]) -> Tensor:
    """Return the output of some queries, each with the same edited keys."""
    key, value, mask = call.key, _without(call.value, group.zeroed), call.mask
    removed = group.removed
    if mask is not None and mask.shape[-2] > 1:
        mask = mask.index_select(-2, rows)
    if call.causal:
        end = min(int(rows.max()) + 1, key.shape[2])
        key, value = key[:, :, :end], value[:, :, :end]
        removed = None if removed is None else removed[..., :end]
        mask = torch.arange(end, device=rows.device) <= rows[:, None]
    if removed is not None:
        mask = _forbid(mask, over_queries(removed))
    return replace(
        call,
        query=call.query.index_select(2, rows),
        key=key,
        value=value,
        mask=mask,
        causal=False,
    ).run()


def _forbid(mask: Tensor | None, removed: Tensor) -> Tensor:
    """Return a mask that also forbids some keys."""
    if mask is None:
        return (~removed)[None] if removed.ndim == 1 else ~removed
    if mask.dtype == torch.bool:
        return mask & ~removed
    mask = mask.masked_fill(removed, -torch.inf)
    # A query without any key left must have no weights, even if the mask hides keys by a finite
    # number.
    hidden = mask.amax(-1, keepdim=True) <= torch.finfo(mask.dtype).min / 2
    return mask.masked_fill(hidden, -torch.inf)


def _without(value: Tensor, zeroed: Tensor | None) -> Tensor:
    """Return the values with 0 where weights are to be 0."""
    if zeroed is None:
        return value
    keys = zeroed if zeroed.ndim == 1 else zeroed[:, None]
    return value.masked_fill(keys.unsqueeze(-1), 0.0)


def _with_heads(call: FusedCall, heads: Int[Tensor, heads]) -> FusedCall:
    """Return a call with only some of its heads."""
    group = call.query.shape[1] // call.key.shape[1]
    kv_heads = heads // group
    mask = call.mask
    if mask is not None and mask.ndim > 2 and mask.shape[-3] > 1:
        mask = mask.index_select(-3, heads)
    return replace(
        call,
        query=call.query.index_select(1, heads),
        key=call.key.index_select(1, kv_heads),
        value=call.value.index_select(1, kv_heads),
        mask=mask,
        grouped=False,
    )
