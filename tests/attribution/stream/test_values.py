"""The numbers of nodes, and logits of hidden vectors."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from clearhead.attribution.stream.nodes import Leaf, Linear, Norm, SoftCap, Sum  # noqa: E402
from clearhead.attribution.stream.values import logits_from, value_at  # noqa: E402
from clearhead.attribution.stream.walk import Places  # noqa: E402

PLACES = Places(batch=1, length=2, row=0, position=1)


def test_values_and_logits():
    torch.manual_seed(0)
    x = torch.randn(1, 2, 4, dtype=torch.float64)
    weight, bias = torch.randn(4, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    norm = nn.LayerNorm(4, dtype=torch.float64)
    leaf = Leaf(x, (), "")
    normed = Norm(norm, x, norm(x).detach(), leaf, ("norm",))
    product = Linear(normed.y, normed, (), weight, (bias,), (), factor=2.0)
    capped = Sum(((5.0, SoftCap(Sum(((0.2, product),), ()))),), ())
    truth = 2.0 * norm(x) @ weight + bias
    torch.testing.assert_close(value_at(product, PLACES), truth[0, 1])
    torch.testing.assert_close(value_at(normed, PLACES), norm(x)[0, 1])
    torch.testing.assert_close(value_at(leaf, PLACES), x[0, 1])
    path = [capped, capped.terms[0][1], capped.terms[0][1].node, product, normed]
    logits = logits_from(path, x[0], torch.float64)
    torch.testing.assert_close(logits, 5.0 * torch.tanh(truth / 5.0)[0])
