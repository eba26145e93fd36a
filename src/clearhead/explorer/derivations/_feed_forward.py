"""Where the numbers of the feed-forward layer come from, plain and gated."""

from __future__ import annotations

from collections.abc import Sequence

from ...config import TransformerConfig
from ...reference.tracing.step import Step
from .derivation import ALL, Derivation, array, axis, linear, same

NAMES = ("gate", "up", "hidden", "output")

_GELU = "0.5 * {0} * (1 + math.erf({0} / np.sqrt(2)))"
_SILU = "{0} / (1 + np.exp(-{0}))"
_FUNCTIONS = {
    "relu": "np.maximum({0}, 0.0)",
    "gelu": _GELU,
    "gelu_tanh": "0.5 * {0} * (1 + np.tanh(np.sqrt(2 / np.pi) * ({0} + 0.044715 * {0} ** 3)))",
    "silu": _SILU,
    "reglu": "np.maximum({0}, 0.0)",
    "geglu": _GELU,
    "swiglu": _SILU,
}


def feed_forward_derivations(step: Step, config: TransformerConfig) -> Sequence[Derivation]:
    """Of a step ``[gate] up hidden output`` of a feed-forward layer."""
    scope, _, name = step.path.rpartition(".")
    if name == "hidden":
        return (_hidden(scope, config),)
    if name == "output":
        hidden = array(
            "h",
            "hidden vector of this position",
            "vetor oculto desta posição",
            f"{scope}.hidden",
            (*same(0, 1), ALL),
        )
        return (linear(hidden, f"{scope}.down", axis(2), bias=config.bias, symbol="h"),)
    inputs = array(
        "x",
        "vector of this position, as the feed-forward layer reads it",
        "vetor desta posição, como a camada feed-forward o lê",
        step.of[0],
        (*same(0, 1), ALL),
    )
    return (linear(inputs, f"{scope}.{name}", axis(2), bias=config.bias),)


def _hidden(scope: str, config: TransformerConfig) -> Derivation:
    up = array("u", "entry of the step 'up'", "entrada do passo 'up'", f"{scope}.up", same(0, 1, 2))
    function = _FUNCTIONS[config.activation]
    if not config.gated:
        return Derivation(function.format("u"), (up,))
    gate = array("g", "entry of the gate", "entrada da porta", f"{scope}.gate", same(0, 1, 2))
    return Derivation(f"{function.format('g')} * u", (gate, up))
