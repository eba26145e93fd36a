"""The steps of a layer other than attention: its input, norms, feed-forward and residual sums."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Recipe, Rule, StepKind, axis, linear, same

AXES = ("batch", "length", "d_model")

_ENTRY = same(0, 1, 2)
_ROW = (*same(0, 1), ALL)
_STATISTIC = (*same(0, 1), 0)

INPUT = StepKind(
    "input",
    "the output of what comes before",
    axes=AXES,
    rules=(Rule("x", (Operand("x", "sameNumber", "{before}", _ENTRY),)),),
)


# Norms; the first source of each of their steps is the norm's input.

_ROW_BEFORE = Operand("x", "normInput", "{of[0]}", _ROW)
_ENTRY_BEFORE = Operand("x", "normInputEntry", "{of[0]}", _ENTRY)
_MEAN = Operand("mean", "vectorMean", "{scope}.mean", _STATISTIC)
_VARIANCE = Operand("variance", "variance", "{scope}.variance", _STATISTIC)
_MEAN_SQUARE = Operand("mean_square", "meanSquare", "{scope}.mean_square", _STATISTIC)
_EPSILON = Operand("epsilon", "epsilon", constant="norm_epsilon")

MEAN = StepKind("mean", "mean of x", rules=(Rule("np.mean(x)", (_ROW_BEFORE,)),))
VARIANCE = StepKind(
    "variance",
    "mean of (x - mean)^2",
    rules=(Rule("np.mean((x - mean) ** 2)", (_ROW_BEFORE, _MEAN)),),
)
MEAN_SQUARE = StepKind("mean_square", "mean(x^2)", rules=(Rule("np.mean(x ** 2)", (_ROW_BEFORE,)),))
NORMALIZED = StepKind(
    "normalized",
    "(x - mean) / sqrt(variance + epsilon)",
    rules=(
        Rule(
            "(x - mean) / np.sqrt(variance + epsilon)",
            (_ENTRY_BEFORE, _MEAN, _VARIANCE, _EPSILON),
        ),
    ),
    recipe=Recipe("normalized", ("{of[0]}", "{of[1]}", "{of[2]}"), "norm_epsilon"),
)
RMS_NORMALIZED = StepKind(
    "normalized",
    "x / sqrt(mean_square + epsilon)",
    rules=(Rule("x / np.sqrt(mean_square + epsilon)", (_ENTRY_BEFORE, _MEAN_SQUARE, _EPSILON)),),
)

_NORMALIZED_ENTRY = Operand("n", "normalizedEntry", "{scope}.normalized", _ENTRY)
_SCALE = Operand("w", "normScale", "weights/{scope}.weight", (axis(2),))
_SHIFT = Operand("b", "normShift", "weights/{scope}.bias", (axis(2),))

_OUTPUT = StepKind("output", "normalized", of=("normalized",))
# Whether the norm has a weight, and whether it has a bias -> its output.
NORM_OUTPUT = {
    (False, False): _OUTPUT,
    (True, False): replace(
        _OUTPUT,
        formula="normalized * weight",
        notation="y = x / √(mean(x^2) + ε) · γ",
        rules=(Rule("n * w", (_NORMALIZED_ENTRY, _SCALE)),),
    ),
    (False, True): replace(_OUTPUT, formula="normalized + bias"),
    (True, True): replace(
        _OUTPUT,
        formula="normalized * weight + bias",
        notation="y = (x − μ) / √(σ^2 + ε) · γ + β",
        rules=(Rule("n * w + b", (_NORMALIZED_ENTRY, _SCALE, _SHIFT)),),
        recipe=Recipe("affine", ("{of[0]}", "weights/{scope}.weight", "weights/{scope}.bias")),
    ),
}
# The steps of a root-mean-square norm with a weight.
RMS_NORM = (MEAN_SQUARE, RMS_NORMALIZED, NORM_OUTPUT[True, False])


# The feed-forward part

_READ = Operand("x", "inputOfFeedForward", "{of[0]}", _ROW)

GATE = StepKind("gate", "x W_gate^T + b_gate", rules=(linear("{scope}.gate", _READ, axis(2)),))
UP = StepKind("up", "x W_up^T + b_up", rules=(linear("{scope}.up", _READ, axis(2)),))

_RELU = "np.maximum({0}, 0.0)"
_GELU = "0.5 * {0} * (1 + math.erf({0} / np.sqrt(2)))"
_GELU_TANH = "0.5 * {0} * (1 + np.tanh(np.sqrt(2 / np.pi) * ({0} + 0.044715 * {0} ** 3)))"
_SILU = "{0} / (1 + np.exp(-{0}))"
_TANH = "np.tanh({0})"


# The activation of a layer, or of the transform before the output -> its function, in the notation
# of rules.
FUNCTIONS = {
    "relu": _RELU, "gelu": _GELU, "gelu_tanh": _GELU_TANH, "silu": _SILU, "tanh": _TANH,
}  # fmt: skip


def _plain(activation: str, function: str, title: str) -> StepKind:
    return StepKind(
        "hidden",
        f"{activation}(up)",
        of=("up",),
        notation=f"{title}(x_i W_{{up}} + b_{{up}})",
        rules=(Rule(function.format("u"), (Operand("u", "upEntry", "{scope}.up", _ENTRY),)),),
        recipe=Recipe("relu") if activation == "relu" else None,
    )


def _gated(activation: str, function: str, title: str) -> StepKind:
    return StepKind(
        "hidden",
        f"{activation}: act(gate) * up",
        of=("gate", "up"),
        notation=f"({title}(x_i W_{{gate}} + b) ⊙ (x_i W_{{up}} + b))",
        rules=(
            Rule(
                f"{function.format('g')} * u",
                (
                    Operand("g", "gateEntry", "{scope}.gate", _ENTRY),
                    Operand("u", "upEntry", "{scope}.up", _ENTRY),
                ),
            ),
        ),
    )


# The activation of a config -> the step after it.
HIDDEN = {
    "relu": _plain("relu", _RELU, "ReLU"),
    "gelu": _plain("gelu", _GELU, "GELU"),
    "gelu_tanh": _plain("gelu_tanh", _GELU_TANH, "GELU"),
    "silu": _plain("silu", _SILU, "SiLU"),
    "reglu": _gated("reglu", _RELU, "ReLU"),
    "geglu": _gated("geglu", _GELU, "GELU"),
    "geglu_tanh": _gated("geglu_tanh", _GELU_TANH, "GELU"),
    "swiglu": _gated("swiglu", _SILU, "SiLU"),
}
DOWN = StepKind(
    "output",
    "hidden W_down^T + b_down",
    of=("hidden",),
    notation="f_i = $hidden W_{down} + b_{down}",
    rules=(linear("{scope}.down", Operand("h", "hiddenVector", "{scope}.hidden", _ROW), axis(2)),),
)


# Residual sums


def _residual(sublayer: str, notation: str) -> StepKind:
    return StepKind(
        f"{sublayer}_residual",
        f"x + {sublayer}",
        axes=AXES,
        notation=notation,
        rules=(
            Rule(
                "x + y",
                (
                    Operand("x", "streamBefore", "{of[0]}", _ENTRY),
                    Operand("y", "sublayerOutput", "{of[1]}", _ENTRY),
                ),
            ),
        ),
        recipe=Recipe("sum", ("{of[0]}", "{of[1]}")),
    )


# The name of a sublayer -> the sum of its output and the residual stream.
RESIDUAL = {
    "self_attention": _residual("self_attention", "x′_i = x_i + y_i"),
    "cross_attention": _residual("cross_attention", "x′_i = x_i + y_i"),
    "feed_forward": _residual("feed_forward", "x″_i = x′_i + f_i"),
}
