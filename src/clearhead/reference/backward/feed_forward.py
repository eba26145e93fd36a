"""Backwards through the feed-forward layer, and the derivatives of its activations.

output = act(up) W_down^T + b        d_hidden = d_output W_down
                                     d_up     = d_hidden * act'(up)
gated: hidden = act(gate) * up       d_up     = d_hidden * act(gate)
                                     d_gate   = d_hidden * up * act'(gate)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...config import ACTIVATIONS
from ...errors import ConfigError
from ...shapes import Array, Float
from ..layers.feed_forward import activation, erf
from ..tracing.steps import gradients as steps
from .linear import through_linear
from .scope import Scope


def relu_derivative(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return 1 where x > 0, else 0. At 0 itself there is no derivative; 0 is PyTorch's choice."""
    return (x > 0).astype(x.dtype)


def gelu_derivative(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the normal distribution function at x, plus x times its density."""
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return 0.5 * (1 + erf(x * math.sqrt(0.5))) + x * density


def gelu_tanh_derivative(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the derivative of GPT-2's approximation of GELU."""
    tanh = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner


def silu_derivative(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return s (1 + x (1 - s)), with s = 1 / (1 + exp(-x))."""
    sigmoid = 0.5 * (1 + np.tanh(0.5 * x))
    return sigmoid * (1 + x * (1 - sigmoid))


def tanh_derivative(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return 1 - tanh(x)^2."""
    return 1 - np.tanh(x) ** 2


_DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "relu": relu_derivative,
    "gelu": gelu_derivative,
    "gelu_tanh": gelu_tanh_derivative,
    "silu": silu_derivative,
    "tanh": tanh_derivative,
    "reglu": relu_derivative,
    "geglu": gelu_derivative,
    "geglu_tanh": gelu_tanh_derivative,
    "swiglu": silu_derivative,
}


def activation_derivative(name: str) -> Callable[[Array], Array]:
    """Return the derivative of an activation; of a gated form, of the function on its gate.

    Raises:
        ConfigError: there is no activation of that name.
    """
    if name not in _DERIVATIVES:
        raise ConfigError(f"activation must be one of {', '.join(ACTIVATIONS)}; it is {name!r}.")
    return _DERIVATIVES[name]


def through_feed_forward(
    scope: Scope,
    d_output: Float[Array, "batch length d_model"],
    x: Float[Array, "batch length d_model"],
    *,
    name: str,
    of: str,
) -> Float[Array, "batch length d_model"]:
    """Record the gradients of the layer's weights, and return that of its input.

    Args:
        scope: of the layer; ``d_output`` is recorded there already.
        d_output: the gradient of its output.
        x: what it read.
        name: of the activation.
        of: the name of the step that ``x`` is.
    """
    derivative = activation_derivative(name)
    outer = ("d_output", "hidden")
    d_hidden = through_linear(scope.at("down"), d_output, scope["hidden"], of=outer)
    d_hidden = scope.record(steps.D_HIDDEN, d_hidden)
    if "gate" not in scope:
        d_up = scope.record(steps.D_UP[name], d_hidden * derivative(scope["up"]))
        d_x = through_linear(scope.at("up"), d_up, x, of=("d_up", of))
        return scope.record(steps.D_FEED_FORWARD_INPUT[False], d_x)
    up, gate = scope["up"], scope["gate"]
    d_up = scope.record(steps.D_UP[name], d_hidden * activation(name)(gate))
    d_gate = scope.record(steps.D_GATE[name], d_hidden * up * derivative(gate))
    d_x = through_linear(scope.at("gate"), d_gate, x, of=("d_gate", of))
    d_x = d_x + through_linear(scope.at("up"), d_up, x, of=("d_up", of))
    return scope.record(steps.D_FEED_FORWARD_INPUT[True], d_x)
