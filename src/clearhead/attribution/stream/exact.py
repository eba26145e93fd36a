"""Sums and products in float64, wherever the model's tensors lie.

Vectors are moved to the CPU: they are small, and some devices have no float64. Large matrices stay
where they are, if their device has float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...shapes import Float, Shaped


def exact(x: Shaped[Tensor, "*axes"]) -> Shaped[Tensor, "*axes"]:
    """Return a tensor in float64 on the CPU, without gradient."""
    return x.detach().cpu().double()


def product(
    x: Float[Tensor, "inputs"], matrix: Float[Tensor, "inputs outputs"]
) -> Float[Tensor, "outputs"]:
    """Return a vector times a matrix in float64, on the CPU.

    Args:
        x: in float64, on the CPU.
        matrix: of any dtype, on any device.
    """
    matrix = matrix.detach()
    if matrix.device.type == "mps":  # which has no float64
        matrix = matrix.cpu()
    return (x.to(matrix.device) @ matrix.to(torch.float64)).cpu()
