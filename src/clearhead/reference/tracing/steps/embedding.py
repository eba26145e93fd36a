"""The steps before the layers: from token ids to the input of the first layer."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import (
    ALL,
    Index,
    Operand,
    Recipe,
    Rule,
    StepKind,
    axis,
    same,
)
from .layers import AXES

_ENTRY = same(0, 1, 2)
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


# The name of an embedding matrix -> its rows for the tokens.
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


# Positions added to the token's vector. Without an offset, the first position is row 0; with one,
# it is a later row of the table; if padding is not counted, the rows are a step of their own.

_OFFSET = Operand("offset", "positionOffset", constant="embedding.position_offset")
_POSITION = {
    "start": Operand("p", "position", position=axis(0)),
    "offset": Operand("p", "position", position=axis(0, plus="position_offset")),
    "without padding": Operand("p", "positionRow", "{scope}.position_ids", same(0, 1)),
}
_PLACE_FORMULAS = {
    "start": "",
    "offset": ", from the row position_offset on",
    "without padding": ", the rows position_ids",
}

POSITION_IDS = StepKind(
    "position_ids",
    "position_offset - 1, and more by the number of tokens so far without padding",
    of=("tokens",),
    axes=AXES[:2],
    rules=(
        Rule(
            "offset - 1 + (ids[: i + 1] != pad).sum() * (ids[i] != pad)",
            (
                Operand("ids", "tokenIds", "{scope}.tokens", (axis(0), ALL)),
                Operand("i", "position", position=axis(1)),
                Operand("pad", "padId", constant="pad_id"),
                _OFFSET,
            ),
        ),
    ),
)


def _waves(angle: str, layout: str, place: str) -> tuple[Rule, ...]:
    """Return the rules of the sines and of the cosines.

    Args:
        angle: of position p and pair k of columns.
        layout: ``interleaved``: even columns are sines; otherwise the first half of them is.
        place: a key of `_POSITION`.
    """
    column = len(_POSITION[place].index) or 1  # the axis of columns
    split = {"floordiv": 1, "mod": 2} if layout == "interleaved" else {"floordiv": "half_width"}
    pair = {"floordiv": 2} if layout == "interleaved" else {"mod": "half_width"}
    operands = [
        _POSITION[place],
        Operand("k", "columnPair", position=axis(column, **pair)),
        _WIDTH,
    ]
    if place == "without padding":
        operands.append(_OFFSET)
    rules = []
    for equals, function in enumerate(("sin", "cos")):
        wave = f"np.{function}({angle})"
        if layout == "halves":
            wave = f"np.float32({wave})"
        if place == "without padding":
            wave = f"0.0 if p == offset - 1 else {wave}"
        when = {"axis": column, **split, "mod": 2, "equals": equals}
        if layout == "interleaved":
            del when["floordiv"]
        rules.append(Rule(wave, tuple(operands), when=when))
    return tuple(rules)


_ANGLE = "p / 10000 ** (2 * k / d_model)"
_ANGLES = {
    "interleaved": ("sinusoidal position vectors", _ANGLE),
    "halves": ("sinusoidal position vectors, sines before cosines, in float32", _ANGLE),
    "halves_to_end": (
        "sinusoidal position vectors, sines before cosines, to the wavelength 2 pi 10000",
        "p * np.exp(-k * np.log(10000) / max(d_model / 2 - 1, 1))",
    ),
}


def _sinusoidal(layout: str, place: str) -> StepKind:
    formula, angle = _ANGLES[layout]
    notation = ""
    if (layout, place) == ("interleaved", "start"):
        notation = "p_{i,2c} = sin(i / 10000^{2c/d}),  p_{i,2c+1} = cos(i / 10000^{2c/d})"
    return StepKind(
        "positions",
        formula + _PLACE_FORMULAS[place],
        of=("position_ids",) if place == "without padding" else (),
        axes=AXES if place == "without padding" else AXES[1:],
        notation=notation,
        rules=_waves(angle, layout, place),
    )


def _learned(place: str) -> StepKind:
    own = place == "without padding"
    rows: dict[str, Index] = {
        "start": axis(0),
        "offset": axis(0, plus="position_offset"),
        "without padding": {"value_of": {"path": "{scope}.position_ids", "index": [*same(0, 1)]}},
    }
    index = (rows[place], axis(2 if own else 1))
    entry = Operand("p", "learnedPosition", "weights/{side}_positions.weight", index)
    return StepKind(
        "positions",
        "learned position vectors" + _PLACE_FORMULAS[place],
        of=("position_ids",) if own else (),
        axes=AXES if own else AXES[1:],
        rules=(Rule("p", (entry,)),),
    )


# The kind of vectors (the layout of sinusoids, or ``learned``), and the place of the first position
# in their table -> the vectors that are added.
POSITIONS = {
    (table, place): _learned(place) if table == "learned" else _sinusoidal(table, place)
    for table in (*_ANGLES, "learned")
    for place in _POSITION
}


# Token types, such as of the two sentences that BERT compares

TOKEN_TYPE_IDS = StepKind("token_type_ids", "the type of each token", axes=AXES[:2])
_TYPE: Index = {"value_of": {"path": "{scope}.token_type_ids", "index": [*same(0, 1)]}}
TOKEN_TYPES = StepKind(
    "token_types",
    "row of token_types",
    of=("token_type_ids",),
    axes=AXES,
    rules=(Rule("t", (Operand("t", "tokenTypeEntry", "weights/token_types.weight",
                              (_TYPE, axis(2))),)),),
)  # fmt: skip


# The sum


def _embedded(token: str, place: str | None, types: bool) -> StepKind:
    """Return the kind of the sum of a token's vector, its position's and its type's.

    Args:
        token: the name of the step with the token's vector.
        place: a key of `_POSITION`; None if no position is added.
        types: whether the vector of the token's type is added.
    """
    summands = [Operand("e", "tokenVector", "{of[0]}", _ENTRY)]
    formula, of = token, [token]
    if place is not None:
        own = place == "without padding"
        entry = _ENTRY if own else same(1, 2)
        summands.append(Operand("p", "positionVector", "{of[1]}", entry))
        of.append("positions")
        formula += " + positions of each text" if own else " + positions"
    if types:
        summands.append(Operand("t", "tokenTypeVector", f"{{of[{len(of)}]}}", _ENTRY))
        of.append("token_types")
        formula += " + token_types"
    simple = place is not None and not types and place != "without padding"
    return StepKind(
        "embedded",
        formula,
        of=tuple(of),
        axes=AXES,
        notation="x_i = e_i + p_i" if simple else "",
        rules=(Rule(" + ".join(operand.symbol for operand in summands), tuple(summands)),),
        recipe=Recipe("sum", ("{of[0]}", "{of[1]}")) if simple else None,
    )


# The step with the token's vector, the place of positions if they are added (positions at an offset
# count as from the start), and whether a type's vector is added -> the layers' input.
EMBEDDED = {
    (token, place, types): _embedded(token, place, types)
    for token in ("embedding", "scaled_embedding")
    for place in (None, "start", "without padding")
    for types in (False, True)
}
# The same if a norm follows, whose output is the layers' input.
EMBEDDING_SUM = {key: replace(kind, name="embedding_sum") for key, kind in EMBEDDED.items()}
NORMED_EMBEDDING = StepKind(
    "embedded",
    "the norm of embedding_sum",
    axes=AXES,
    rules=(Rule("x", (Operand("x", "sameNumber", "{of[0]}", _ENTRY),)),),
)
