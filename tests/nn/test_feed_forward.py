"""The feed-forward layer, plain and gated, against its formula."""

from __future__ import annotations

import pytest
import torch

from clearhead.config import ACTIVATIONS, TransformerConfig
from clearhead.nn.feed_forward import FeedForward

ERF = torch.special.erf
FORMULAS = {
    "relu": lambda x: x.clamp(min=0),
    "gelu": lambda x: x * (1 + ERF(x / 2**0.5)) / 2,
    "gelu_tanh": lambda x: x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2,
    "silu": lambda x: x / (1 + torch.exp(-x)),
}
GATED = {"reglu": "relu", "geglu": "gelu", "geglu_tanh": "gelu_tanh", "swiglu": "silu"}


def make(activation: str, bias: bool) -> FeedForward:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=9, d_model=4, num_heads=2, feed_forward_dim=6, activation=activation, bias=bias
    )
    return FeedForward(config).double()


def test_every_activation_has_its_formula_here() -> None:
    assert set(ACTIVATIONS) == {*FORMULAS, *GATED}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_the_formula(activation: str, bias: bool) -> None:
    layer, x = make(activation, bias), 3 * torch.randn(2, 5, 4, dtype=torch.float64)
    if activation in GATED:
        hidden = FORMULAS[GATED[activation]](layer.gate(x)) * layer.up(x)
    else:
        assert not hasattr(layer, "gate")
        hidden = FORMULAS[activation](layer.up(x))
    torch.testing.assert_close(layer(x), layer.down(hidden))
    assert (layer.up.bias is not None) == bias
    assert layer.up.weight.shape == (6, 4)
