"""Activations, and the position-wise feed-forward layer in its plain and gated forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...config import ACTIVATIONS, GATED_ACTIVATIONS
from ...errors import ConfigError
from ...shapes import Array, Float
from ..tracing.steps import layers as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher
from .linear import JointLinear, Linear, WeightAndBias


def relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def erf(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Compute the error function of each entry.

    In float64 it is exact to the last digit or so, by the C library. In float32 it is formula
    7.1.26 of Abramowitz and Stegun (1964), which with float32's own rounding errs by at most 6e-7
    and takes a fraction of the time.
    """
    if x.dtype == np.float32:
        size = np.abs(x)
        t = 1 / (1 + np.float32(0.3275911) * size)
        series = np.float32(1.061405429) * t + np.float32(-1.453152027)
        for coefficient in (1.421413741, -0.284496736, 0.254829592):
            series *= t
            series += np.float32(coefficient)
        return np.copysign(1 - series * t * np.exp(-size * size), x)
    return np.asarray(_erf(x), dtype=x.dtype).reshape(x.shape)


_erf = np.frompyfunc(math.erf, 1, 1)


def gelu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return x times the normal distribution function at x (Hendrycks and Gimpel 2016)."""
    return x * (0.5 * (1 + erf(x * math.sqrt(0.5))))


def gelu_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Approximate `gelu` with tanh, as in GPT-2."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))
    return 0.5 * x * (1 + np.tanh(inner))


def silu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return x / (1 + exp(-x)) (Elfwing et al. 2017), also called swish."""
    # tanh does not overflow, as exp(-x) would.
    return x * (0.5 * (1 + np.tanh(0.5 * x)))


def tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the hyperbolic tangent, which BERT has before its labels."""
    return np.tanh(x)


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "relu": relu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": silu,
    "tanh": tanh,
    "reglu": relu,
    "geglu": gelu,
    "geglu_tanh": gelu_tanh,
    "swiglu": silu,
}


def activation(name: str) -> Callable[[Array], Array]:
    """Return the function of an activation's name; of a gated form, the one on its gate.

    Raises:
        ConfigError: there is no activation of that name.
    """
    if name not in _FUNCTIONS:
        raise ConfigError(f"activation must be one of {', '.join(ACTIVATIONS)}; it is {name!r}.")
    return _FUNCTIONS[name]


class FeedForward:
    """down(act(up(x))), or gated down(act(gate(x)) * up(x)) (Shazeer 2020, arXiv 2002.05202).

    Args:
        kind: the activation, one of `clearhead.config.ACTIVATIONS`.
        up: of d_model to feed_forward_dim; for a gated form of gate and up.
        down: of feed_forward_dim to d_model.
    """

    def __init__(self, kind: str, up: JointLinear, down: Linear) -> None:
        self.function = activation(kind)
        self.kind = kind
        self.gated = kind in GATED_ACTIVATIONS
        self.up = up
        self.down = down

    def __call__(
        self, x: Float[Array, "... d_model"], *, trace: Watcher = OFF, of: tuple[str, ...] = ()
    ) -> Float[Array, "... d_model"]:
        """Apply the layer to each vector; a trace records ``[gate] up hidden output``."""
        if self.gated:
            gate, up = self.up(x)
            gate = trace.record(steps.GATE, gate, of=of)
            up = trace.record(steps.UP, up, of=of)
            hidden = self.function(gate) * up
        else:
            (up,) = self.up(x)
            up = trace.record(steps.UP, up, of=of)
            hidden = self.function(up)
        hidden = trace.record(steps.HIDDEN[self.kind], hidden)
        return trace.record(steps.DOWN, self.down(hidden))


def feed_forward(
    x: Float[Array, "... d_model"],
    up: WeightAndBias,
    down: WeightAndBias,
    *,
    gate: WeightAndBias | None = None,
    activation: str = "relu",
    trace: Watcher = OFF,
) -> Float[Array, "... d_model"]:
    """Apply a feed-forward layer of plain arrays.

    Args:
        x: the vectors.
        up, gate: weight Float["feed_forward_dim d_model"] and bias, or None for no bias.
        down: weight Float["d_model feed_forward_dim"] and bias, or None.
        activation: one of `clearhead.config.ACTIVATIONS`; the gated ones need ``gate``.
        trace: records the steps ``[gate] up hidden output``.

    Raises:
        ConfigError: the activation is unknown, or a gate is missing or not used.
    """
    if (gate is not None) != (activation in GATED_ACTIVATIONS):
        verb = "needs" if gate is None else "takes no"
        raise ConfigError(f"The activation {activation!r} {verb} gate.")
    first = JointLinear([up] if gate is None else [gate, up])
    return FeedForward(activation, first, Linear(*down))(x, trace=trace)
