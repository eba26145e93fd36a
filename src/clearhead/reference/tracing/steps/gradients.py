"""The steps of the backward pass in a layer, other than attention: the gradient of every step.

The gradient of a step has the step's name with the prefix ``d_``, in the same scope: ``d_hidden``
is the derivative of the loss with respect to each number of ``hidden``. The gradient of a weight is
in the scope of the weight's layer: ``encoder.norm.d_weight``.
"""

from __future__ import annotations

from ..step_kind import ALL, Operand, Rule, StepKind, axis, same
from .layers import AXES, FUNCTIONS

WEIGHT_AXES = ("out", "in")

_ENTRY = same(0, 1, 2)
_ROW = (*same(0, 1), ALL)
_STATISTIC = (*same(0, 1), 0)


# Gradients of steps that are used several times, or passed on unchanged


def same_gradient(name: str, axes: tuple[str, ...] = AXES) -> StepKind:
    """Return the kind of a gradient that equals the gradient of the one following step."""
    entry = Operand("d", "gradientAfter", "{of[0]}", same(*range(len(axes))))
    formula = "the gradient of what comes after, unchanged" + ", of each head" * (len(axes) == 4)
    return StepKind(name, formula, axes=axes, rules=(Rule("d", (entry,)),))


def sum_of_ways(name: str, ways: int, axes: tuple[str, ...] = AXES) -> StepKind:
    """Return the kind of a gradient that is the sum of gradients along several paths."""
    index = same(*range(len(axes)))
    operands = [
        Operand(symbol, "gradientOfWay", f"{{of[{way}]}}", index)
        for way, symbol in enumerate("abc"[:ways])
    ]
    expression = " + ".join(operand.symbol for operand in operands)
    formula = f"the gradients of {ways} ways, added"
    return StepKind(name, formula, axes=axes, rules=(Rule(expression, tuple(operands)),))


# Linear layers y = x W^T + b: dx = dy W, dW = dy^T x, db = dy; dW and db are summed over positions


def through_matrix(name: str, formula: str, layer: str, of: tuple[str, ...] = ()) -> StepKind:
    """Return the kind of the gradient of a linear layer's input, dy W.

    Args:
        name: of the step.
        formula: as recorded in a trace.
        layer: the template of the layer's path.
        of: the step dy, if it is always the same.
    """
    operands = (
        Operand("d", "gradientRow", "{of[0]}", _ROW),
        _column("w", layer),
    )
    return StepKind(name, formula, of=of, axes=AXES, rules=(Rule("d @ w", operands),))


def _column(symbol: str, layer: str) -> Operand:
    name = layer.rpartition(".")[2]
    index = (ALL, axis(2))
    return Operand(symbol, "columnOfWeight", f"weights/{layer}.weight", index, name=name)


_EVERYWHERE = Operand("d", "gradientsEverywhere", "{of[0]}", (ALL, ALL, axis(0)))
D_WEIGHT = StepKind(
    "d_weight",
    "d^T x, summed over all positions",
    axes=WEIGHT_AXES,
    notation="∂L/∂W = Σ_i d_i^T x_i",
    rules=(
        Rule(
            "(d * x).sum()",
            (_EVERYWHERE, Operand("x", "inputsEverywhere", "{of[1]}", (ALL, ALL, axis(1)))),
        ),
    ),
)
D_BIAS = StepKind(
    "d_bias",
    "d, summed over all positions",
    axes=WEIGHT_AXES[:1],
    rules=(Rule("d.sum()", (_EVERYWHERE,)),),
)


# Norms: y = n * weight + bias, with n = (x - mean) / deviation

D_NORMALIZED = StepKind(
    "d_normalized",
    "d_output * weight",
    of=("d_output",),
    axes=AXES,
    rules=(
        Rule(
            "d * w",
            (
                Operand("d", "gradientAfter", "{scope}.d_output", _ENTRY),
                Operand("w", "normScale", "weights/{scope}.weight", (axis(2),)),
            ),
        ),
    ),
)
D_NORM_WEIGHT = StepKind(
    "d_weight",
    "d_output * normalized, summed over all positions",
    of=("d_output", "normalized"),
    axes=AXES[-1:],
    rules=(
        Rule(
            "(d * n).sum()",
            (
                _EVERYWHERE,
                Operand("n", "normalizedEverywhere", "{of[1]}", (ALL, ALL, axis(0))),
            ),
        ),
    ),
)
_NORM_ROWS = (
    Operand("d", "gradientRow", "{scope}.d_normalized", _ROW),
    Operand("n", "normalizedVector", "{scope}.normalized", _ROW),
    Operand("k", "component", position=axis(2)),
)
_EPSILON = Operand("epsilon", "epsilon", constant="norm_epsilon")
# The kind of norm -> the gradient of its input.
D_NORM_INPUT = {
    "layer": StepKind(
        "d_input",
        "(d - mean(d) - normalized * mean(d * normalized)) / sqrt(variance + epsilon)",
        of=("d_normalized", "normalized", "variance"),
        axes=AXES,
        notation="∂L/∂x = (d − mean(d) − n · mean(d ⊙ n)) / √(σ^2 + ε)",
        rules=(
            Rule(
                "(d[k] - d.mean() - n[k] * (d * n).mean()) / np.sqrt(variance + epsilon)",
                (
                    *_NORM_ROWS,
                    Operand("variance", "variance", "{scope}.variance", _STATISTIC),
                    _EPSILON,
                ),
            ),
        ),
    ),
    "rms": StepKind(
        "d_input",
        "(d - normalized * mean(d * normalized)) / sqrt(mean_square + epsilon)",
        of=("d_normalized", "normalized", "mean_square"),
        axes=AXES,
        notation="∂L/∂x = (d − n · mean(d ⊙ n)) / √(mean(x^2) + ε)",
        rules=(
            Rule(
                "(d[k] - n[k] * (d * n).mean()) / np.sqrt(mean_square + epsilon)",
                (
                    *_NORM_ROWS,
                    Operand("mean_square", "meanSquare", "{scope}.mean_square", _STATISTIC),
                    _EPSILON,
                ),
            ),
        ),
    ),
}


# The feed-forward part

_SIGMOID = "(1 / (1 + np.exp(-{0})))"
_TANH = "np.tanh(np.sqrt(2 / np.pi) * ({0} + 0.044715 * {0} ** 3))"
# The activation of a layer -> its derivative, in the notation of rules.
DERIVATIVES = {
    "relu": "({0} > 0)",
    "gelu": "(0.5 * (1 + math.erf({0} / np.sqrt(2))) + {0} * np.exp(-{0} ** 2 / 2)"
    " / np.sqrt(2 * np.pi))",
    "gelu_tanh": f"(0.5 * (1 + {_TANH}) + 0.5 * {{0}} * (1 - {_TANH} ** 2)"
    " * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * {0} ** 2))",
    "silu": f"({_SIGMOID} * (1 + {{0}} * (1 - {_SIGMOID})))",
    "tanh": "(1 - np.tanh({0}) ** 2)",
}
_GATES = {"reglu": "relu", "geglu": "gelu", "geglu_tanh": "gelu_tanh", "swiglu": "silu"}

D_OUTPUT = same_gradient("d_output")
D_HIDDEN = through_matrix("d_hidden", "d_output W_down", "{scope}.down", of=("d_output",))
_D_HIDDEN_ENTRY = Operand("d", "gradientAfter", "{scope}.d_hidden", _ENTRY)
_UP = Operand("u", "upEntry", "{scope}.up", _ENTRY)
_GATE = Operand("g", "gateEntry", "{scope}.gate", _ENTRY)


def _step(name: str, formula: str, of: tuple[str, ...], rule: str, *more: Operand) -> StepKind:
    rules = (Rule(rule, (_D_HIDDEN_ENTRY, *more)),)
    return StepKind(name, formula, of=of, axes=AXES, rules=rules)


# The activation of a config -> the gradient of ``up``, and of the gate if there is one.
D_UP = {
    name: _step(
        "d_up",
        f"d_hidden * {name}'(up)",
        ("d_hidden", "up"),
        f"d * {derivative.format('u')}",
        _UP,
    )
    for name, derivative in DERIVATIVES.items()
} | {
    name: _step(
        "d_up",
        f"{name}: d_hidden * act(gate)",
        ("d_hidden", "gate"),
        f"d * {FUNCTIONS[gate].format('g')}",
        _GATE,
    )
    for name, gate in _GATES.items()
}
D_GATE = {
    name: _step(
        "d_gate",
        f"{name}: d_hidden * up * act'(gate)",
        ("d_hidden", "up", "gate"),
        f"d * u * {DERIVATIVES[gate].format('g')}",
        _UP,
        _GATE,
    )
    for name, gate in _GATES.items()
}
# Whether there is a gate -> the gradient of the layer's input.
D_FEED_FORWARD_INPUT = {
    False: through_matrix("d_input", "d_up W_up", "{scope}.up", of=("d_up",)),
    True: StepKind(
        "d_input",
        "d_gate W_gate + d_up W_up",
        of=("d_gate", "d_up"),
        axes=AXES,
        rules=(
            Rule(
                "dg @ wg + du @ wu",
                (
                    Operand("dg", "gradientRow", "{of[0]}", _ROW),
                    _column("wg", "{scope}.gate"),
                    Operand("du", "gradientRow", "{of[1]}", _ROW),
                    _column("wu", "{scope}.up"),
                ),
            ),
        ),
    ),
}


# Layers: the gradient of the residual stream after each sublayer, and of a layer's input

SUBLAYERS = ("self_attention", "cross_attention", "feed_forward")
RESIDUAL = {name: same_gradient(f"d_{name}_residual") for name in SUBLAYERS}
RESIDUAL_SUM = {name: sum_of_ways(f"d_{name}_residual", 2) for name in SUBLAYERS[:2]}
D_OUTPUT_SUM = sum_of_ways("d_output", 2)
D_INPUT = {ways: sum_of_ways("d_input", ways) for ways in (2, 3)}
