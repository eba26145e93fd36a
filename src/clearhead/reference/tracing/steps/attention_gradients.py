"""The steps of the backward pass of attention: dP, dS, dQ, dK, dV and the projections' weights.

P is the weights, dO the gradient of the output, and each product is within one head:

    dV = P^T dO
    dP = dO V^T
    dS = P * (dP - sum over keys of P * dP)            the Jacobian of softmax, times dP
    dQ = dS K / sqrt(head_dim),  dK = dS^T Q / sqrt(head_dim)
"""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Rule, StepKind, axis, same
from . import gradients, heads
from .attention import (
    HEAD_DIM,
    KEY_AXES,
    KEY_POSITION,
    MODEL_AXES,
    OUTPUT_AXES,
    QUERY_AXES,
    SCORE_AXES,
    VALUE_AXES,
)
from .gradients import same_gradient, through_matrix

_ENTRY = same(0, 1, 2, 3)
_ROW = (*same(0, 1, 2), ALL)
# The head of keys and values that belongs to the query head of axis 1.
_SHARED_HEAD = axis(1, floordiv="group")
_SHARED_ROWS = (axis(0), _SHARED_HEAD, ALL, axis(3))
_SHARED_ROW = (axis(0), _SHARED_HEAD, axis(3), ALL)
_OF_SCORE = Operand("d", "gradientRow", "{of[0]}", _ROW)


# From the output projection back to the weights

D_PROJECTED = same_gradient("d_projected", MODEL_AXES)
D_CONCATENATED = replace(
    through_matrix("d_concatenated", "d_projected W_o", "{scope}.output", of=("d_projected",)),
    axes=MODEL_AXES,
)
# For attention called alone, whose caller provides the gradient of its output.
D_GIVEN_OUTPUT = StepKind("d_output", "", axes=OUTPUT_AXES)
D_OUTPUT = StepKind(
    "d_output",
    "d_concatenated, split into heads",
    of=("d_concatenated",),
    axes=OUTPUT_AXES,
    rules=(
        Rule(
            "d",
            (
                Operand(
                    "d",
                    "gradientAfter",
                    "{scope}.d_concatenated",
                    (*same(0, 2), {"sum": [axis(1, times="head_dim"), axis(3)]}),
                ),
            ),
        ),
    ),
)


def _of_keys(name: str, formula: str, of: tuple[str, str], notation: str) -> dict[bool, StepKind]:
    """Return the kinds of a^T b over the queries, for one head of queries and for a group.

    Args:
        name: of the step.
        formula: of the first kind; the second also sums over the group.
        of: a Float["batch heads query_len key_len"], b Float["batch heads query_len head_dim"].
        notation: for a lecture.
    """
    axes = VALUE_AXES if name == "d_value" else KEY_AXES
    one = StepKind(
        name,
        formula,
        of=of,
        axes=axes,
        notation=notation,
        rules=(
            Rule(
                "a @ b",
                (
                    Operand("a", "shareOfQueries", "{of[0]}", (*same(0, 1), ALL, axis(2))),
                    Operand("b", "vectorsOfQueries", "{of[1]}", (*same(0, 1), ALL, axis(3))),
                ),
            ),
        ),
    )
    group = Rule(
        "(a * b)[h * n // m : (h + 1) * n // m].sum()",
        (
            Operand("a", "shareOfQueries", "{of[0]}", (axis(0), ALL, ALL, axis(2))),
            Operand("b", "vectorsOfQueries", "{of[1]}", (axis(0), ALL, ALL, axis(3))),
            Operand("h", "headNumber", position=axis(1)),
            Operand("n", "headCount", constant="num_heads"),
            Operand("m", "keyHeadCount", constant="key_value_heads"),
        ),
    )
    several = f"{formula}, summed over the query heads of a group"
    return {False: one, True: replace(one, formula=several, rules=(group,))}


# Whether a head of values serves several query heads -> its gradient.
D_VALUE = _of_keys(
    "d_value", "weights^T d_output", ("weights", "d_output"), "∂L/∂v_j = Σ_i w_{ij} d_i"
)
D_WEIGHTS = StepKind(
    "d_weights",
    "d_output V^T",
    of=("d_output", "value"),
    axes=SCORE_AXES,
    notation="∂L/∂w_{ij} = d_i · v_j",
    rules=(Rule("d @ v", (_OF_SCORE, Operand("v", "valueVector", "{scope}.value", _SHARED_ROW))),),
)


# Back through softmax, masks, softcap and scale to the scores

D_MASKED = StepKind(
    "d_masked",
    "weights * (d_weights - sum over keys of weights * d_weights)",
    of=("weights", "d_weights"),
    axes=SCORE_AXES,
    notation="∂L/∂m_{ij} = w_{ij} (d_{ij} − Σ_k w_{ik} d_{ik})",
    rules=(
        Rule(
            "w[j] * (d[j] - w @ d)",
            (
                Operand("w", "routingWeights", "{scope}.weights", _ROW),
                Operand("d", "gradientRow", "{scope}.d_weights", _ROW),
                KEY_POSITION,
            ),
        ),
    ),
)
_BIAS_AXES = SCORE_AXES[1:]
_OF_BATCH = Operand("d", "gradientsOfBatch", "{of[0]}", (ALL, *same(0, 1, 2)))
# Whether a later layer uses the same bias -> its gradient, summed from there to this layer.
D_BIAS = {
    False: StepKind(
        "d_bias",
        "d_masked, summed over the batch",
        axes=_BIAS_AXES,
        rules=(Rule("d.sum()", (_OF_BATCH,)),),
    ),
    True: StepKind(
        "d_bias",
        "d_masked, summed over the batch, + d_bias of the layer after",
        axes=_BIAS_AXES,
        rules=(
            Rule(
                "d.sum() + after",
                (_OF_BATCH, Operand("after", "gradientOfWay", "{of[1]}", same(0, 1, 2))),
            ),
        ),
    ),
}
BUCKETS = StepKind("buckets", "the bucket of each distance of query and key", axes=SCORE_AXES[2:])
D_RELATIVE_BIAS = StepKind(
    "d_weight",
    "d_bias, summed over the places of each bucket",
    axes=("buckets", "heads"),
    rules=(
        Rule(
            "(d * (buckets == row)).sum()",
            (
                Operand("d", "gradientsOfHead", "{of[0]}", (axis(1), ALL, ALL)),
                Operand("buckets", "bucketIds", "{of[1]}", (ALL, ALL)),
                Operand("row", "rowOfTable", position=axis(0)),
            ),
        ),
    ),
)
_AFTER = Operand("d", "gradientAfter", "{of[0]}", _ENTRY)
D_CAPPED = same_gradient("d_capped", SCORE_AXES)
# Whether scores are capped -> the gradient of the scaled ones.
D_SCALED = {
    False: same_gradient("d_scaled", SCORE_AXES),
    True: StepKind(
        "d_scaled",
        "d_capped * (1 - (capped / softcap)^2)",
        of=("d_capped", "capped"),
        axes=SCORE_AXES,
        rules=(
            Rule(
                "d * (1 - (s / softcap) ** 2)",
                (
                    _AFTER,
                    Operand("s", "cappedScore", "{scope}.capped", _ENTRY),
                    Operand("softcap", "softcap", constant="attention.softcap"),
                ),
            ),
        ),
    ),
}
# Whether the model sets its own scale -> the gradient of the scores.
D_SCORES = {
    False: StepKind(
        "d_scores",
        "d_scaled / sqrt(head_dim)",
        of=("d_scaled",),
        axes=SCORE_AXES,
        rules=(Rule("d / np.sqrt(head_dim)", (_AFTER, HEAD_DIM)),),
    ),
    True: StepKind(
        "d_scores",
        "d_scaled * scale",
        of=("d_scaled",),
        axes=SCORE_AXES,
        rules=(
            Rule("d * scale", (_AFTER, Operand("scale", "scoreScale", constant="attention.scale"))),
        ),
    ),
}
D_QUERY = StepKind(
    "d_query",
    "d_scores K",
    of=("d_scores", "key"),
    axes=QUERY_AXES,
    notation="∂L/∂q_i = Σ_j d_{ij} k_j",
    rules=(Rule("d @ k", (_OF_SCORE, Operand("k", "entriesOfKeys", "{scope}.key", _SHARED_ROWS))),),
)
D_KEY = _of_keys("d_key", "d_scores^T Q", ("d_scores", "query"), "∂L/∂k_j = Σ_i d_{ij} q_i")


# Back through the rotation and norm of each head, to the projections


def _turned_back(part: str, way: tuple[bool, str, str]) -> StepKind:
    """Return the kind of the gradient before a rotation: each pair is rotated back."""
    forward = heads.ROTATED_QUERY[way]
    rules = []
    for rule in forward.rules:
        plus, minus = " + b * np.sin", " - b * np.sin"
        old, new = (minus, plus) if minus in rule.expression else (plus, minus)
        rules.append(replace(rule, expression=rule.expression.replace(old, new)))
    formula = forward.formula.replace("turned by", "turned back by")
    name = f"d_{part}_before_rotation"
    return StepKind(name, formula, axes=heads.AXES, rules=tuple(rules))


# Query or key, and the way it was rotated -> the gradient before the rotation.
D_ROTATED = {
    (part, way): _turned_back(part, way) for part in ("query", "key") for way in heads.ROTATED_QUERY
}
D_QUERY_OR_KEY_PROJECTED = {
    part: same_gradient(f"d_{part}_projected", heads.AXES) for part in ("query", "key")
}
D_HEAD_NORM_OUTPUT = same_gradient("d_output", heads.AXES)
D_HEAD_NORMALIZED = replace(
    gradients.D_NORMALIZED,
    formula="d_output * weight of each head",
    axes=heads.AXES,
    rules=(
        Rule(
            "d * w",
            (
                Operand("d", "gradientAfter", "{scope}.d_output", _ENTRY),
                Operand("w", "normScale", "weights/{scope}.weight", (axis(3),)),
            ),
        ),
    ),
)
_ALL_HEADS = (ALL, ALL, ALL, axis(0))
D_HEAD_NORM_WEIGHT = StepKind(
    "d_weight",
    "d_output * normalized, summed over all heads and positions",
    of=("d_output", "normalized"),
    axes=heads.AXES[-1:],
    rules=(
        Rule(
            "(d * n).sum()",
            (
                Operand("d", "gradientsEverywhere", "{of[0]}", _ALL_HEADS),
                Operand("n", "normalizedEverywhere", "{of[1]}", _ALL_HEADS),
            ),
        ),
    ),
)
D_HEAD_NORM_INPUT = StepKind(
    "d_input",
    "(d - normalized * mean(d * normalized)) / sqrt(mean_square + epsilon) of each head",
    of=("d_normalized", "normalized", "mean_square"),
    axes=heads.AXES,
    rules=(
        Rule(
            "(d[k] - n[k] * (d * n).mean()) / np.sqrt(mean_square + epsilon)",
            (
                Operand("d", "gradientRow", "{scope}.d_normalized", _ROW),
                Operand("n", "normalizedVector", "{scope}.normalized", _ROW),
                Operand("k", "component", position=axis(3)),
                Operand("mean_square", "meanSquare", "{scope}.mean_square", (*same(0, 1, 2), 0)),
                Operand("epsilon", "epsilon", constant="norm_epsilon"),
            ),
        ),
    ),
)
