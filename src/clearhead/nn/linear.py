"""A linear layer that computes in the dtype of its input.

Parameters stay float32; for bfloat16 inputs the product is computed in bfloat16. Autocast does the
same, but with a dispatch at every operator and hidden casts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..shapes import Float
from .fast.affine import affine


class Linear(nn.Linear):
    """``x W^T + b`` in the dtype of x."""

    def forward(self, x: Float[Tensor, "... in_features"]) -> Float[Tensor, "... out_features"]:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return affine(x, self.weight.to(x.dtype), bias, training=self.training)


def joint_linear(
    x: Float[Tensor, "... in_features"], *layers: Linear
) -> tuple[Float[Tensor, "... _"], ...]:
    """Apply several linear layers to one input as a single matrix product.

    Returns:
        One output per layer, as views of the joint result.
    """
    weight = torch.cat([layer.weight.to(x.dtype) for layer in layers])
    bias = None
    if layers[0].bias is not None:
        bias = torch.cat([layer.bias.to(x.dtype) for layer in layers])
    joint = affine(x, weight, bias, training=layers[0].training)
    return joint.split([layer.out_features for layer in layers], dim=-1)
