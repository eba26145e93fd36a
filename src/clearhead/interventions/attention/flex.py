"""Edits of FlexAttention, whose mask and scores are functions of positions.

A compiler writes its kernels for each pair of functions, so they cannot be edited. While a module
is edited they are not used: scores are computed by calling the functions, some queries at a time,
so that memory stays linear in the length unless gradients are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...maps.recorder.kernels import flex_arguments
from ...shapes import Float, Int
from ..edited_tensor import Frame, apply_edit
from ..edits import HEADS, KEY, QUERY, VALUE, EdgeEdit, Edit, TensorEdit
from ..offsets import Offsets
from .edge_plan import EdgeGroup, edge_groups
from .weights import normalised, without_edges

_BLOCK = 1 << 24  # scores that are computed at once


def is_flex(func: Any) -> bool:
    """Return whether a function is FlexAttention's operator."""
    return getattr(func, "_name", "") == "flex_attention"


@dataclass(frozen=True)
class FlexCall:
    """The arguments of FlexAttention, with a key and a value for each query head."""

    query: Float[Tensor, "batch heads query_len head_dim"]
    key: Float[Tensor, "batch heads key_len head_dim"]
    value: Float[Tensor, "batch heads key_len value_dim"]
    scale: float
    score: Callable[..., Tensor]
    mask: Callable[..., Tensor]

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> FlexCall:
        """Return the arguments of a call of the operator."""
        from torch.nn.attention.flex_attention import _vmap_for_bhqkv

        call = flex_arguments(args, kwargs)
        group = call.query.shape[1] // call.key.shape[1]
        key, value = (x.repeat_interleave(group, 1) for x in (call.key, call.value))
        of_score, of_mask = call.score_captures, call.mask_captures
        score = _vmap_for_bhqkv(call.score_mod, prefix=(0,), suffix=(None,) * len(of_score))
        mask = _vmap_for_bhqkv(call.mask_mod, prefix=(), suffix=(None,) * len(of_mask))
        return cls(
            call.query,
            key,
            value,
            call.scale,
            lambda *places: score(*places, *of_score),
            lambda *places: mask(*places, *of_mask),
        )

    def scores(self, rows: Int[Tensor, rows]) -> Float[Tensor, "batch heads rows key_len"]:
        """Return the scores of some queries, -inf where they may not attend."""
        from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex

        wide = torch.float64 if self.query.dtype == torch.float64 else torch.float32
        query = self.query.index_select(2, rows)
        scores = query.to(wide) @ self.key.to(wide).mT * self.scale
        device = scores.device
        batch, heads, _, keys = (torch.arange(size, device=device) for size in scores.shape)
        places = batch, heads, rows, keys
        with TransformGetItemToIndex():
            changed = self.score(scores, *places)
            return changed.masked_fill(~self.mask(*places), -torch.inf)


def edit_flex(
    call: FlexCall,
    edits: Sequence[Edit],
    offsets_of: Callable[[int, int, int], Offsets],
    module: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what FlexAttention's operator returns, with edits applied.

    Args:
        call: its arguments.
        edits: the edits of the attention, in their order.
        offsets_of: returns the positions for (batch, query_len, key_len).
        module: the module's name.

    Returns:
        The output, and the logarithms to the base 2 of the sum of the exponentials of the scores,
        and of the largest of these.

    Raises:
        ConfigError: an edit cannot be applied exactly.
    """
    batch, heads, query_len, _ = call.query.shape
    key_len = call.key.shape[2]
    offsets = offsets_of(batch, query_len, key_len)
    queries = Frame(module, offsets.query, 2, 1, offsets.doubt)
    frames = {QUERY: queries, KEY: Frame(module, offsets.key, 2, 1)}
    frames[VALUE] = frames[KEY]
    tensors = {QUERY: call.query, KEY: call.key, VALUE: call.value}
    of_tensors = [edit for edit in edits if isinstance(edit, TensorEdit)]
    for edit in of_tensors:
        if edit.part in tensors:
            tensors[edit.part] = apply_edit(tensors[edit.part], edit, frames[edit.part])
    call = FlexCall(tensors[QUERY], tensors[KEY], tensors[VALUE], call.scale, call.score, call.mask)
    edges = [edit for edit in edits if isinstance(edit, EdgeEdit)]
    shape = batch, heads, query_len, key_len
    groups = edge_groups(edges, shape, offsets, module, call.query.device)
    output, lse, highest = _attend(call, groups)
    for edit in of_tensors:
        if edit.part == HEADS:
            output = apply_edit(output, edit, queries)
    return output, lse / math.log(2), highest / math.log(2)


def _attend(call: FlexCall, groups: Sequence[EdgeGroup]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the output of an attention with edited edges, and the sums over its scores."""
    batch, heads, query_len, _ = call.query.shape
    size = max(1, _BLOCK // (batch * heads * call.key.shape[2]))
    outputs, sums, largest = [], [], []
    for rows in torch.arange(query_len, device=call.query.device).split(size):
        scores = call.scores(rows)
        weights, scores = normalised(scores, groups, rows, _safe_softmax)
        weights = without_edges(weights, groups, rows)
        outputs.append(weights.to(call.value.dtype) @ call.value)
        sums.append(scores.logsumexp(-1))
        largest.append(scores.amax(-1))
    return torch.cat(outputs, 2), torch.cat(sums, 2), torch.cat(largest, 2)


def _safe_softmax(scores: Tensor) -> Tensor:
    """Return weights, with 0 for a query that may attend to nothing, as in FlexAttention."""
    return torch._safe_softmax(scores, -1)
