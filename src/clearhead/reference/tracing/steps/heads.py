"""The steps between the projections to queries and keys and their scores: norms and rotations."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Rule, StepKind, axis, same
from . import attention

AXES = ("batch", "heads", "length", "head_dim")

_ENTRY = same(0, 1, 2, 3)
_ROW = (*same(0, 1, 2), ALL)


# The root-mean-square norm of each head (Qwen 3, Gemma 3), in the scope query_norm or key_norm.

_EPSILON = Operand("epsilon", "epsilon", constant="norm_epsilon")
HEAD_MEAN_SQUARE = StepKind(
    "mean_square",
    "mean(x^2) of each head",
    axes=AXES,
    rules=(Rule("np.mean(x ** 2)", (Operand("x", "normInput", "{of[0]}", _ROW),)),),
)
HEAD_NORMALIZED = StepKind(
    "normalized",
    "x / sqrt(mean_square + epsilon) of each head",
    axes=AXES,
    rules=(
        Rule(
            "x / np.sqrt(mean_square + epsilon)",
            (
                Operand("x", "normInputEntry", "{of[0]}", _ENTRY),
                Operand("mean_square", "meanSquare", "{scope}.mean_square", (*same(0, 1, 2), 0)),
                _EPSILON,
            ),
        ),
    ),
)
HEAD_NORM_OUTPUT = StepKind(
    "output",
    "normalized * weight of each head",
    of=("normalized",),
    axes=AXES,
    notation="y = x / √(mean(x^2) + ε) · γ",
    rules=(
        Rule(
            "n * w",
            (
                Operand("n", "normalizedEntry", "{scope}.normalized", _ENTRY),
                Operand("w", "normScale", "weights/{scope}.weight", (axis(3),)),
            ),
        ),
    ),
)

HEAD_NORM = (HEAD_MEAN_SQUARE, HEAD_NORMALIZED, HEAD_NORM_OUTPUT)

# If they are not rotated, queries and keys are the outputs of the norm.
_SAME = (Rule("x", (Operand("x", "sameNumber", "{of[0]}", _ENTRY),)),)
NORMED_QUERY = replace(
    attention.QUERY, formula="query_norm of query_projected", notation="", rules=_SAME
)
NORMED_KEY = replace(attention.KEY, formula="key_norm of key_projected", notation="", rules=_SAME)
NORMED_NEW_KEY = replace(NORMED_KEY, name="new_key")


# Rotary positions (Su et al. 2021): entries k and k + rotary_dim / 2 of a head are one pair.

_POSITION = Operand("p", "position", position=axis(2))
_ROTARY_DIM = Operand("rotary_dim", "rotaryWidth", constant="rotary_dim")
_PAIR = Operand("k", "headPair", position=axis(3, mod="pairs"))
_BASES = {
    "": Operand("base", "rotaryBase", constant="rotary_base"),
    "local": Operand("base", "localRotaryBase", constant="rotary.local_base"),
}
_FACTOR = Operand("factor", "rotaryFactor", constant="rotary.factor")
_LLAMA3 = (
    _FACTOR,
    Operand("low", "lowFrequencyFactor", constant="rotary.low_frequency_factor"),
    Operand("high", "highFrequencyFactor", constant="rotary.high_frequency_factor"),
    Operand("length", "originalLength", constant="rotary.original_length"),
)
# The number of turns of the pair in the original length determines how much it is slowed down.
_TURNS = "length * base ** (-2 * k / {dim}) / (2 * np.pi)"
_SCALINGS: dict[str, tuple[str, tuple[Operand, ...]]] = {
    "none": ("", ()),
    "linear": (" / factor", (_FACTOR,)),
    "llama3": (
        f" * (1 / factor + (1 - 1 / factor) * min(1, max(0, ({_TURNS} - low) / (high - low))))",
        _LLAMA3,
    ),
}


def _half(number: int, sign: str, shift: str, partial: bool, base: str, scaling: str) -> Rule:
    """Return the rule of one half of the rotated entries."""
    partner = (*same(0, 1, 2), axis(3, plus=shift))
    width = (
        Operand("rotary_dim", "rotaryWidth", constant="rotary_dim")
        if partial
        else attention.HEAD_DIM
    )
    slower, operands = _SCALINGS[scaling]
    angle = f"p * base ** (-2 * k / {width.symbol}){slower.format(dim=width.symbol)}"
    return Rule(
        f"a * np.cos({angle}) {sign} b * np.sin({angle})",
        (
            Operand("a", "beforeRotation", "{of[0]}", _ENTRY),
            Operand("b", "partnerBeforeRotation", "{of[0]}", partner),
            _POSITION,
            _PAIR,
            _BASES[base],
            width,
            *operands,
        ),
        # There are more than two parts only if some entries are not rotated.
        when={
            "axis": 3,
            "floordiv": "pairs",
            "mod": "head_dim" if partial else 2,
            "equals": number,
        },
    )


def _rotated(partial: bool, base: str, scaling: str) -> StepKind:
    formula = "each pair turned by its position's angle"
    formula += ", the first rotary_dim entries alone" if partial else ""
    formula += f", with the {base} base" if base else ""
    formula += f", slower by the {scaling} scaling" if scaling != "none" else ""
    way = (partial, base, scaling)
    rules = (_half(0, "-", "pairs", *way), _half(1, "+", "minus_pairs", *way))
    return StepKind("rotated", formula, axes=AXES, rules=(*rules, *_SAME) if partial else rules)


# Whether only a part of each head is rotated, the base, and the scaling.
_WAYS = [
    (partial, base, scaling)
    for partial in (False, True)
    for base in _BASES
    for scaling in (_SCALINGS if not base else ("none",))
]
ROTATED = _rotated(False, "", "none")
ROTATED_QUERY = {
    way: replace(_rotated(*way), name="query", meaning=attention.QUERY.meaning) for way in _WAYS
}
ROTATED_KEY = {
    way: replace(_rotated(*way), name="key", meaning=attention.KEY.meaning) for way in _WAYS
}
ROTATED_NEW_KEY = {way: replace(kind, name="new_key") for way, kind in ROTATED_KEY.items()}
