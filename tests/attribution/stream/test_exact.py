"""Sums in float64."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.stream.exact import exact, product  # noqa: E402


def test_half_precision_is_multiplied_exactly():
    torch.manual_seed(0)
    x, matrix = torch.randn(300).double(), torch.randn(300, 5).bfloat16().requires_grad_()
    truth = (x[:, None] * matrix.detach().double()).sum(0)
    torch.testing.assert_close(product(x, matrix), truth)
    assert exact(matrix).dtype == torch.float64
    assert not exact(matrix).requires_grad


@pytest.mark.gpu
def test_tensors_of_a_device():
    x, matrix = torch.randn(30).double(), torch.randn(30, 5)
    torch.testing.assert_close(product(x, matrix.cuda()), product(x, matrix))
    assert exact(matrix.cuda()).device.type == "cpu"
