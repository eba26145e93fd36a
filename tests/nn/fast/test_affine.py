"""A linear layer's product and bias at once: the bits of PyTorch's own, and its gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from clearhead.nn.fast import affine as module
from clearhead.nn.fast.affine import affine

needs_product = pytest.mark.skipif(
    not module._has_product(), reason="this processor has no product of bfloat16 in oneDNN"
)


def operands(dtype: torch.dtype = torch.bfloat16) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [
        torch.randn(shape).to(dtype).requires_grad_() for shape in ((3, 5, 32), (48, 32), (48,))
    ]


@needs_product
def test_the_result_is_the_exact_one_rounded_and_gradients_are_pytorchs() -> None:
    x, weight, bias = operands()
    result = affine(x, weight, bias, training=True)
    assert type(result.grad_fn).__name__ == "_AffineBackward"
    exact = F.linear(x.double(), weight.double(), bias.double())
    torch.testing.assert_close(result.double(), exact, rtol=2**-8, atol=2**-9)
    towards = torch.randn(result.shape).to(result.dtype)
    gradients = torch.autograd.grad(result, (x, weight, bias), towards)
    wide = [each.detach().double().requires_grad_() for each in (x, weight, bias)]
    exact_gradients = torch.autograd.grad(F.linear(*wide), wide, towards.double())
    for gradient, exact_gradient in zip(gradients, exact_gradients, strict=True):
        torch.testing.assert_close(gradient.double(), exact_gradient, rtol=2**-7, atol=2**-6)


@pytest.mark.parametrize("training", [True, False])
def test_other_dtypes_and_other_times_take_pytorchs(training: bool) -> None:
    x, weight, bias = operands(torch.bfloat16 if not training else torch.float64)
    result = affine(x, weight, bias, training=training)
    assert type(result.grad_fn).__name__ != "_AffineBackward"
    assert torch.equal(result, F.linear(x, weight, bias))


def test_without_a_bias_there_is_nothing_to_gain() -> None:
    x, weight, _ = operands()
    result = affine(x, weight, None, training=True)
    assert torch.equal(result, F.linear(x, weight))
