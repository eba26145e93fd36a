"""Attention by batched matrix products and a softmax: fastest for bfloat16 training on a CPU.

There, PyTorch's fused kernel takes seven times as long in its bfloat16 backward pass at 14 tokens,
and three times as long at 60. Most of the time of the explicit form was the softmax: PyTorch
computes it one number at a time in bfloat16, and in any precision for rows whose length is not a
multiple of 16. So keys are padded to a multiple of 16 with masked keys, and the softmax is in
float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..shapes import Bool, Float
from .dropout import dropout as drop
from .soft_cap import soft_cap

_MULTIPLE = 16  # float32 numbers in a register of 512 bits


def explicit_is_faster(query: Tensor, key: Tensor) -> bool:
    """Return whether to avoid the fused kernel: in bfloat16 training on a CPU, up to 256 keys."""
    return (
        query.device.type == "cpu"
        and query.dtype == torch.bfloat16
        and query.requires_grad
        and key.shape[-2] <= 256
    )


def explicit_attention(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    attn_mask: Bool[Tensor, "... key_len"] | Float[Tensor, "... key_len"] | None,
    dropout: float = 0.0,
    *,
    scale: float | None = None,
    softcap: float | None = None,
) -> Float[Tensor, "batch heads query_len value_dim"]:
    """Compute attention by batched matrix products and a softmax.

    The arguments are those of `torch.nn.functional.scaled_dot_product_attention`, and a softcap of
    the scaled scores, which none of PyTorch's fused kernels has. No row may be fully masked.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    query = query * (query.shape[-1] ** -0.5 if scale is None else scale)
    bias = _bias(attn_mask, key.shape[-2], query)
    if softcap is None and dropout == 0.0 and (bias is None or not bias.requires_grad):
        output: Tensor = _Attention.apply(query, key, value, bias)
        return output
    key, value = _padded(key), _padded(value)
    scores = torch.matmul(query, key.transpose(-1, -2)).to(_softmax_dtype(query))
    scores = soft_cap(scores, softcap)
    weights = torch.softmax(scores if bias is None else scores + bias, dim=-1).to(query.dtype)
    return torch.matmul(drop(weights, dropout), value)


def _bias(
    attn_mask: Bool[Tensor, "... key_len"] | Float[Tensor, "... key_len"] | None,
    key_len: int,
    query: Tensor,
) -> Float[Tensor, "... whole_key_len"] | None:
    """Return the mask as a bias of the scores, with -inf for keys added as padding."""
    dtype = torch.float64 if query.dtype == torch.float64 else torch.float32
    padding = -key_len % _MULTIPLE
    if attn_mask is None:
        if not padding:
            return None
        bias = torch.zeros(key_len, dtype=dtype, device=query.device)
    elif attn_mask.dtype == torch.bool:
        bias = torch.zeros(attn_mask.shape, dtype=dtype, device=query.device)
        bias.masked_fill_(~attn_mask, -torch.inf)
    else:
        bias = attn_mask.to(dtype)
    return F.pad(bias, (0, padding), value=-torch.inf) if padding else bias


def _padded(
    x: Float[Tensor, "batch heads key_len head_dim"],
) -> Float[Tensor, "batch heads whole_key_len head_dim"]:
    """Return keys or values padded with zeros to a multiple of 16, contiguous."""
    padding = -x.shape[-2] % _MULTIPLE
    return F.pad(x, (0, 0, 0, padding)) if padding else x.contiguous()


class _Attention(torch.autograd.Function):
    """softmax(Q K^T + bias) V for an already scaled query; the bias gets no gradient."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        ctx.key_len = key.shape[-2]
        query, key, value = query.contiguous(), _padded(key), _padded(value)
        scores = torch.matmul(query, key.transpose(-1, -2)).to(_softmax_dtype(query))
        if bias is not None:
            scores += bias
        weights = torch.softmax(scores, dim=-1).to(query.dtype)
        ctx.save_for_backward(query, key, value, weights)
        return torch.matmul(weights, value)

    @staticmethod
    @once_differentiable  # the saved weights have no graph
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weights = ctx.saved_tensors
        grad = grad.contiguous()
        dtype = _softmax_dtype(query)
        value_grad = torch.matmul(weights.transpose(-1, -2), grad)
        weights_grad = torch.matmul(grad, value.transpose(-1, -2)).to(dtype)
        scores_grad = torch.ops.aten._softmax_backward_data(
            weights_grad, weights.to(dtype), -1, dtype
        ).to(query.dtype)
        query_grad = torch.matmul(scores_grad, key)
        key_grad = torch.matmul(scores_grad.transpose(-1, -2), query)
        real = slice(ctx.key_len)
        return query_grad, key_grad[..., real, :], value_grad[..., real, :], None


def _softmax_dtype(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32
