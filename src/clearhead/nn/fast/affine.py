"""The matrix product of a linear layer with a fused bias, for training in bfloat16.

PyTorch first writes the bias into every row of the result and then adds the product to it, which
takes some 8 % longer than the product alone. oneDNN adds the bias just before it writes the result,
with the same bits at no cost.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ...shapes import Float


@cache
def _has_product() -> bool:
    """Return whether this PyTorch and CPU have oneDNN's bfloat16 product."""
    library = torch.ops.mkldnn
    return bool(
        torch.backends.mkldnn.is_available()
        and hasattr(library, "_linear_pointwise")
        and hasattr(library, "_is_mkldnn_bf16_supported")
        and library._is_mkldnn_bf16_supported()
    )


class _Affine(torch.autograd.Function):
    """``x W^T + b``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        rows = grad.reshape(-1, grad.shape[-1])
        return grad @ weight, rows.T @ x.reshape(-1, x.shape[-1]), rows.sum(dim=0)


def affine(
    x: Float[Tensor, "*rows in_features"],
    weight: Float[Tensor, "out_features in_features"],
    bias: Float[Tensor, "out_features"] | None,
    *,
    training: bool,
) -> Float[Tensor, "*rows out_features"]:
    """Return ``x W^T + b``, all of one dtype; in ``training``, by a faster way if there is one.

    The faster way can be differentiated only once.
    """
    fast = (
        training
        and bias is not None
        and x.requires_grad
        and x.dtype == torch.bfloat16
        and x.device.type == "cpu"
        and x.numel() > 0
        and not torch.compiler.is_compiling()
        and torch.is_grad_enabled()
        and _has_product()
    )
    if not fast:
        return F.linear(x, weight, bias)
    result: Tensor = _Affine.apply(x, weight, bias)
    return result
