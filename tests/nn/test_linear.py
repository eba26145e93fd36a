"""Linear layers that compute in the dtype of their input."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from clearhead.nn.linear import Linear, joint_linear


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_arithmetic_is_that_of_the_input(dtype: torch.dtype, bias: bool) -> None:
    layer, x = Linear(4, 3, bias=bias), torch.randn(2, 5, 4, dtype=dtype)
    output = layer(x)
    assert output.dtype == dtype
    assert layer.weight.dtype == torch.float32
    layer_bias = layer.bias.to(dtype) if bias else None
    assert torch.equal(output, F.linear(x, layer.weight.to(dtype), layer_bias))


@pytest.mark.parametrize("bias", [True, False])
def test_layers_together_give_what_each_gives(bias: bool) -> None:
    layers = [Linear(4, width, bias=bias) for width in (3, 1, 5)]
    x = torch.randn(2, 4, requires_grad=True)
    outputs = joint_linear(x, *layers)
    assert [output.shape for output in outputs] == [(2, 3), (2, 1), (2, 5)]
    for layer, output in zip(layers, outputs, strict=True):
        torch.testing.assert_close(output, layer(x))
    grads = torch.autograd.grad(sum(y.square().sum() for y in outputs), layers[2].weight)
    expected = torch.autograd.grad(layers[2](x).square().sum(), layers[2].weight)
    torch.testing.assert_close(grads, expected)
