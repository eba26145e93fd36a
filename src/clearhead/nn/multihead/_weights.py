"""Attention that returns its weights beside the output, or uses the fused kernel without them.

With weights, the output is computed from them: by the plain formula if there are few scores, or if
a transform, a trace or a gradient of the mask needs operators; otherwise in tiles. Without weights,
PyTorch's fused kernel is used. It has no second derivative, so the plain formula provides it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...shapes import Bool, Float
from ._formula import (
    Masking,
    are_plain,
    is_recorded,
    is_transformed,
    plain_attention,
    weights_dtype,
)
from ._tiled import tiled_attention

# Up to this number of scores the plain formula is faster: tiles would only add calls.
PLAIN_ELEMENTS = {False: 2**21, True: 2**20}  # without and with a gradient


def open_blocked_rows(
    mask: Float[Tensor, "... query_len key_len"] | None,
) -> tuple[Float[Tensor, "... query_len key_len"] | None, Bool[Tensor, "... query_len 1"] | None]:
    """Unmask rows that are -inf throughout; return the mask and these rows (None if no such row).

    Kernels differ on such a row (NaN, zeros, an average). Here it sees all keys, and its output and
    weights are set to zero afterwards, so that gradients stay finite, too.
    """
    if mask is None or mask.shape[-1] == 0:
        return mask, None
    blocked = mask.detach().amax(-1, keepdim=True) == -torch.inf
    if mask.device.type == "cpu" and are_plain(mask) and not blocked.any():
        return mask, None
    return mask.masked_fill(blocked, 0.0), blocked


def attend(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    *,
    mask: Float[Tensor, "#batch #heads #query_len #key_len"] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
    need_weights: bool = False,
    average: bool = True,
) -> tuple[
    Float[Tensor, "batch heads query_len head_dim"], Float[Tensor, "batch *rows key_len"] | None
]:
    """Compute the output of attention, and its weights if they are needed.

    Weights are Float["batch query_len key_len"] with ``average``, else Float["batch heads query_len
    key_len"], after dropout, in the dtype of a softmax of the query's dtype.
    """
    mask, blocked = open_blocked_rows(mask)
    masking = Masking(mask, blocked, causal)
    if not need_weights:
        return _fused(query, key, value, masking, dropout), None
    dtype = weights_dtype(query)
    plain = are_plain(query, key, value, mask)
    needs_grad = torch.is_grad_enabled() and any(
        x is not None and x.requires_grad for x in (query, key, value, mask)
    )
    if (
        dropout > 0.0
        or not plain
        or (needs_grad and mask is not None and mask.requires_grad)
        or query.shape[:3].numel() * key.shape[2] <= PLAIN_ELEMENTS[needs_grad]
    ):
        in_place = plain and not needs_grad and not is_recorded()
        output, weights = plain_attention(query, key, value, masking, dropout, in_place=in_place)
        weights = weights.mean(dim=1) if average else weights
        return output, weights if weights.dtype == dtype else weights.to(dtype)
    with _show_in_one_piece(query, key, value, masking) if is_recorded() else nullcontext():
        return tiled_attention(query, key, value, masking, average, dtype)


def _show_in_one_piece(
    query: Tensor, key: Tensor, value: Tensor, masking: Masking
) -> AbstractContextManager[None]:
    """Let a recording see the attention as one operation, and hide its tiles from the recording."""
    from ...maps.recorder.pause import pause_recording

    with torch.no_grad():
        F.scaled_dot_product_attention(
            query, key, value, attn_mask=masking.mask, is_causal=masking.causal
        )
    return pause_recording()


def _fused(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    masking: Masking,
    dropout: float,
) -> Float[Tensor, "batch heads query_len head_dim"]:
    """Compute only the output."""
    if is_transformed() and not torch.compiler.is_compiling():
        return plain_attention(query, key, value, masking, dropout)[0]
    mask, blocked, causal = masking
    output = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=causal
    )
    if dropout == 0.0 and output.requires_grad and are_plain(query, key, value, mask):
        output = _TwiceDifferentiable.apply(output, query, key, value, *masking)
    return output if blocked is None else output.masked_fill(blocked, 0.0)


class _TwiceDifferentiable(torch.autograd.Function):
    """Returns its first argument, an output of attention, with a custom gradient.

    The gradient is the fused kernel's, unless it must be differentiable itself; then it is the
    plain formula's.
    """

    @staticmethod
    def forward(
        ctx: Any,
        output: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        blocked: Tensor | None,
        causal: bool,
    ) -> Tensor:
        ctx.causal = causal
        ctx.save_for_backward(query, key, value, mask, blocked)
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if not torch.is_grad_enabled():
            return grad, *(None,) * 6
        query, key, value, mask, blocked = ctx.saved_tensors
        output, _ = plain_attention(query, key, value, Masking(mask, blocked, ctx.causal))
        inputs = [x for x in (query, key, value, mask) if x is not None and x.requires_grad]
        input_grads = iter(torch.autograd.grad(output, inputs, grad, create_graph=True))
        grads = (
            next(input_grads) if x is not None and x.requires_grad else None
            for x in (query, key, value, mask)
        )
        return None, *grads, None, None
