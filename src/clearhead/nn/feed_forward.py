"""The position-wise feed-forward layer, plain and gated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..shapes import Float
from .linear import Linear, joint_linear

_gelu_tanh = partial(F.gelu, approximate="tanh")
_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": F.silu,
    "tanh": torch.tanh,
    "reglu": F.relu,
    "geglu": F.gelu,
    "geglu_tanh": _gelu_tanh,
    "swiglu": F.silu,
}


def activate(x: Float[Tensor, "*shape"], activation: str) -> Float[Tensor, "*shape"]:
    """Apply a config's activation function; for a gated activation, the function of its gate."""
    return _FUNCTIONS[activation](x)


class FeedForward(nn.Module):
    """``down(act(up(x)))``, or gated ``down(act(gate(x)) * up(x))`` (Shazeer 2020)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = Linear(config.d_model, config.feed_forward_dim, bias=config.bias)
        if config.gated:
            self.gate = Linear(config.d_model, config.feed_forward_dim, bias=config.bias)
        self.down = Linear(config.feed_forward_dim, config.d_model, bias=config.bias)
        self.activation = config.activation
        self.gated = config.gated

    def forward(self, x: Float[Tensor, "*rows d_model"]) -> Float[Tensor, "*rows d_model"]:
        if not self.gated:
            return self.down(activate(self.up(x), self.activation))
        gate, up = joint_linear(x, self.gate, self.up)
        return self.down(activate(gate, self.activation) * up)
