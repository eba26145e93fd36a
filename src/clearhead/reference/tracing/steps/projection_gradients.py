"""The steps of the backward pass of attention's projections, from the heads to their input."""

from __future__ import annotations

from ..step_kind import ALL, Index, Operand, Rule, StepKind, axis, same
from .attention import KEY_AXES, MODEL_AXES
from .gradients import WEIGHT_AXES

_PROJECTIONS = (("query", "dq", "wq"), ("key", "dk", "wk"), ("value", "dv", "wv"))

# Row h * head_dim + d of the weight gives entry d of head h.
_OF_ROW: tuple[Index, ...] = (
    ALL,
    axis(0, floordiv="head_dim"),
    ALL,
    axis(0, mod="head_dim"),
)
_GRADIENTS = Operand("d", "gradientsEverywhere", "{of[0]}", _OF_ROW)
D_WEIGHT = StepKind(
    "d_weight",
    "d^T x, heads side by side, summed over all positions",
    axes=WEIGHT_AXES,
    notation="∂L/∂W = Σ_i d_i^T x_i",
    rules=(
        Rule(
            "(d * x).sum()",
            (_GRADIENTS, Operand("x", "inputsEverywhere", "{of[1]}", (ALL, ALL, axis(1)))),
        ),
    ),
)
D_BIAS = StepKind(
    "d_bias",
    "d, heads side by side, summed over all positions",
    axes=WEIGHT_AXES[:1],
    rules=(Rule("d.sum()", (_GRADIENTS,)),),
)


def _through(name: str, layers: tuple[str, ...], *, after: bool = False) -> StepKind:
    """Return the kind of the gradient of the common input of several projections.

    Args:
        name: of the step.
        layers: query, key, value, or some of them.
        after: whether the gradient from the next layer, which has the same input, is added.
    """
    operands, products = [], []
    projections = [entry for entry in _PROJECTIONS if entry[0] in layers]
    for number, (layer, d, w) in enumerate(projections):
        rows = (axis(0), ALL, axis(1), ALL)
        weight = f"weights/{{scope}}.{layer}.weight"
        operands.append(Operand(d, "gradientOfHeads", f"{{of[{number}]}}", rows))
        operands.append(Operand(w, "columnOfWeight", weight, (ALL, axis(2)), name=layer))
        products.append(f"{d}.ravel() @ {w}")
    formula = " + ".join(f"d_{layer} W_{layer[0]}" for layer, _, _ in projections)
    if after:
        path = f"{{of[{len(projections)}]}}"
        operands.append(Operand("after", "gradientOfWay", path, same(0, 1, 2)))
        products.append("after")
        formula += f" + {name} of the layer after"
    # A memory has the length of the keys computed from it.
    length = KEY_AXES[2] if name == "d_memory" else MODEL_AXES[1]
    axes = (MODEL_AXES[0], length, MODEL_AXES[2])
    return StepKind(name, formula, axes=axes, rules=(Rule(" + ".join(products), tuple(operands)),))


# Whether keys and values come from another sequence -> the gradient of the queries' input.
D_INPUT = {
    False: _through("d_input", ("query", "key", "value")),
    True: _through("d_input", ("query",)),
}
# Whether a later layer has the same input -> the gradient of an encoder's output.
D_MEMORY = {after: _through("d_memory", ("key", "value"), after=after) for after in (False, True)}
