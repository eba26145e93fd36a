"""The steps around the layers: tokens to vectors, and the last vector to probabilities."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Recipe, Rule, StepKind, axis, same, softmax

AXES = ("batch", "length", "d_model")
LOGIT_AXES = ("batch", "length", "vocab")

_ENTRY = same(0, 1, 2)
_ROW = (*same(0, 1), ALL)
_WIDTH = Operand("d_model", "streamWidth", constant="d_model")

TOKENS = StepKind("tokens", "", axes=AXES[:2])


def _row_of(matrix: str) -> StepKind:
    token = {"value_of": {"path": "{scope}.tokens", "index": list(same(0, 1))}}
    entry = Operand("e", "embeddingEntry", f"weights/{matrix}.weight", (token, axis(2)))
    return StepKind(
        "embedding",
        f"row of {matrix}",
        of=("tokens",),
        axes=AXES,
        notation="e_i = E_{id(i)}",
        rules=(Rule("e", (entry,)),),
    )


# The name of an embedding matrix -> the rows of it that the tokens choose.
EMBEDDING = {
    matrix: _row_of(matrix) for matrix in ("embedding", "source_embedding", "target_embedding")
}
SCALED_EMBEDDING = StepKind(
    "scaled_embedding",
    "embedding * sqrt(d_model)",
    of=("embedding",),
    axes=AXES,
    notation="e_i = √d · E_{id(i)}",
    rules=(
        Rule(
            "e * np.sqrt(d_model)",
            (Operand("e", "tokenEmbedding", "{scope}.embedding", _ENTRY), _WIDTH),
        ),
    ),
    recipe=Recipe("times", number="sqrt_d_model"),
)


# Positions that are added to the token's vector


def _wave(function: str, column: int) -> Rule:
    """Return the rule of the even columns, which are sines, or of the odd ones, cosines."""
    return Rule(
        f"np.{function}(p / 10000 ** (2 * k / d_model))",
        (
            Operand("p", "position", position=axis(0)),
            Operand("k", "columnPair", position=axis(1, floordiv=2)),
            _WIDTH,
        ),
        when={"axis": 1, "mod": 2, "equals": column},
    )


_LEARNED = Operand("p", "learnedPosition", "weights/{side}_positions.weight", same(0, 1))

# The positions of a config -> the vectors that are added.
POSITIONS = {
    "sinusoidal": StepKind(
        "positions",
        "sinusoidal position vectors",
        axes=AXES[1:],
        notation="p_{i,2c} = sin(i / 10000^{2c/d}),  p_{i,2c+1} = cos(i / 10000^{2c/d})",
        rules=(_wave("sin", 0), _wave("cos", 1)),
    ),
    "learned": StepKind(
        "positions", "learned position vectors", axes=AXES[1:], rules=(Rule("p", (_LEARNED,)),)
    ),
}


def _embedded(token: str) -> StepKind:
    """Return the kind of a sum of a token's vector and its position's."""
    return StepKind(
        "embedded",
        f"{token} + positions",
        of=(token, "positions"),
        axes=AXES,
        notation="x_i = e_i + p_i",
        rules=(
            Rule(
                "e + p",
                (
                    Operand("e", "tokenVector", "{of[0]}", _ENTRY),
                    Operand("p", "positionVector", "{of[1]}", same(1, 2)),
                ),
            ),
        ),
        recipe=Recipe("sum", ("{of[0]}", "{of[1]}")),
    )


def _token_alone(token: str) -> StepKind:
    """Return the kind of a token's vector to which no position is added."""
    return replace(
        _embedded(token),
        formula=token,
        of=(token,),
        notation="",
        rules=(Rule("e", (Operand("e", "tokenVector", "{of[0]}", _ENTRY),)),),
        recipe=None,
    )


# The step of the token's vector, and whether a position is added to it -> what the layers read.
EMBEDDED = {
    (token, with_position): (_embedded if with_position else _token_alone)(token)
    for token in ("embedding", "scaled_embedding")
    for with_position in (False, True)
}


# The end

OUTPUT = StepKind(
    "output",
    "the stack's output",
    axes=AXES,
    rules=(Rule("x", (Operand("x", "sameNumber", "{of[0]}", _ENTRY),)),),
)
LOGITS = StepKind(
    "logits",
    "hidden W_output^T",
    axes=LOGIT_AXES,
    notation="ℓ_t = x · E_t",
    rules=(
        Rule(
            "h @ w",
            (
                Operand("h", "lastHidden", "{of[0]}", _ROW),
                Operand("w", "outputRow", "weights/{output_matrix}.weight", (axis(2), ALL)),
            ),
        ),
    ),
)
PROBABILITIES = StepKind(
    "probabilities",
    "softmax of logits over the vocabulary",
    of=("logits",),
    axes=LOGIT_AXES,
    notation="p_t = exp(ℓ_t) / Σ_u exp(ℓ_u)",
    rules=(
        softmax(
            Operand("z", "logitsRow", "logits", _ROW), Operand("t", "tokenId", position=axis(2))
        ),
    ),
)
