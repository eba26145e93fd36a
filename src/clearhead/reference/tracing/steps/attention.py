"""The steps of attention, from projections to the output projection."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Recipe, Rule, StepKind, axis, linear, same, softmax

QUERY_AXES = ("batch", "heads", "query_len", "head_dim")
KEY_AXES = ("batch", "kv_heads", "key_len", "head_dim")
VALUE_AXES = ("batch", "kv_heads", "key_len", "value_dim")
SCORE_AXES = ("batch", "heads", "query_len", "key_len")
OUTPUT_AXES = ("batch", "heads", "query_len", "value_dim")
MODEL_AXES = ("batch", "query_len", "d_model")

QUERY_POSITION = Operand("i", "queryPosition", position=axis(2))
KEY_POSITION = Operand("j", "keyPosition", position=axis(3))
HEAD_DIM = Operand("head_dim", "headWidth", constant="head_dim")

# The head of keys and values that belongs to the query head of axis 1.
_SHARED_HEAD = axis(1, floordiv="group")
_ROW = (*same(0, 1, 2), ALL)


# Projections. Before the heads are split, a projection is Float["length heads*head_dim"]: row
# h * head_dim + d of the weight gives entry d of head h.


def _projection(layer: str) -> tuple[Rule, ...]:
    inputs = Operand("x", "inputOfAttention", "{of[0]}", (axis(0), axis(2), ALL))
    row = {"sum": [axis(1, times="head_dim"), axis(3)]}
    return (linear("{scope}." + layer, inputs, row, bias="attention_bias"),)


QUERY = StepKind(
    "query",
    "x W_q^T + b_q",
    axes=QUERY_AXES,
    notation="q_i = x_i W_Q + b_Q",
    rules=_projection("query"),
    meaning="What each row's token looks for: its vector times the query matrix of this head.",
)
KEY = StepKind(
    "key",
    "x W_k^T + b_k",
    axes=KEY_AXES,
    notation="k_j = x_j W_K + b_K",
    rules=_projection("key"),
    meaning="What each column's token can be found by: its vector times the key matrix.",
)
VALUE = StepKind(
    "value",
    "x W_v^T + b_v",
    axes=VALUE_AXES,
    notation="v_j = x_j W_V + b_V",
    rules=_projection("value"),
    meaning="What each column's token has to give: its vector times the value matrix.",
)
MEMORY_KEY = replace(KEY, formula="memory W_k^T + b_k", notation="k_j = m_j W_K + b_K")
MEMORY_VALUE = replace(VALUE, formula="memory W_v^T + b_v", notation="v_j = m_j W_V + b_V")
# With a cache of earlier positions, the keys of the new positions only.
NEW_KEY = replace(KEY, name="new_key")
NEW_VALUE = replace(VALUE, name="new_value")

# For attention called alone, whose caller has recorded none of its three inputs.
QUERY_INPUT = replace(QUERY, formula="Q", notation="", rules=())
KEY_INPUT = replace(KEY, formula="K", notation="", rules=())
VALUE_INPUT = replace(VALUE, formula="V", notation="", rules=())
JOINED_KEY = replace(KEY_INPUT, formula="[past K; K]")
JOINED_VALUE = replace(VALUE_INPUT, formula="[past V; V]")

# Queries and keys before norms or positions change them.
QUERY_PROJECTED = replace(QUERY, name="query_projected")
KEY_PROJECTED = replace(KEY, name="key_projected")
NEW_KEY_PROJECTED = replace(KEY, name="new_key_projected")
MEMORY_KEY_PROJECTED = replace(MEMORY_KEY, name="key_projected")


# Scores

SCORES = StepKind(
    "scores",
    "Q K^T",
    of=("query", "key"),
    axes=SCORE_AXES,
    notation="s_{ij} = q_i · k_j = Σ_c q_{ic} k_{jc}",
    rules=(
        Rule(
            "q @ k",
            (
                Operand("q", "queryVector", "{scope}.query", _ROW),
                Operand("k", "keyVector", "{scope}.key", (axis(0), _SHARED_HEAD, axis(3), ALL)),
            ),
        ),
    ),
    meaning="How well each query fits each key: the sum of the products of their numbers.",
)
SCALED = StepKind(
    "scaled",
    "scores / sqrt(head_dim)",
    of=("scores",),
    axes=SCORE_AXES,
    notation="s_{ij} / √$head_dim",
    rules=(
        Rule(
            "s / np.sqrt(head_dim)",
            (Operand("s", "rawScore", "{scope}.scores", same(0, 1, 2, 3)), HEAD_DIM),
        ),
    ),
    recipe=Recipe("times", number="inverse_sqrt_head_dim"),
    meaning="Longer vectors give larger sums; dividing by sqrt(head_dim) takes that out again.",
)
SCALED_BY_NUMBER = replace(
    SCALED,
    formula="scores * scale",
    notation="s_{ij} · c",
    rules=(
        Rule(
            "s * scale",
            (
                Operand("s", "rawScore", "{scope}.scores", same(0, 1, 2, 3)),
                Operand("scale", "scoreScale", constant="attention.scale"),
            ),
        ),
    ),
    recipe=None,
    meaning="The model multiplies scores by a number of its own, in place of 1 / sqrt(head_dim).",
)
CAPPED = StepKind(
    "capped",
    "softcap * tanh(scaled / softcap)",
    of=("scaled",),
    axes=SCORE_AXES,
    notation="c · tanh(s_{ij} / c)",
    rules=(
        Rule(
            "softcap * np.tanh(s / softcap)",
            (
                Operand("s", "scaledScore", "{scope}.scaled", same(0, 1, 2, 3)),
                Operand("softcap", "softcap", constant="attention.softcap"),
            ),
        ),
    ),
    meaning="Large scores are bent, so that none passes the cap and small ones stay as they are.",
)

BIAS = StepKind(
    "bias",
    "the floating mask",
    axes=SCORE_AXES,
    meaning="What the distance between two positions adds to their score.",
)

_SCALED_SCORE = Operand("s", "scaledScore", "{scope}.scaled", same(0, 1, 2, 3))
_CAPPED_SCORE = Operand("s", "cappedScore", "{scope}.capped", same(0, 1, 2, 3))
_HEAD_BIAS = Operand("b", "headBias", "{scope}.bias", same(1, 2, 3))

MASKED = StepKind(
    "masked",
    "-inf where a query may not attend",
    of=("scaled",),
    axes=SCORE_AXES,
    notation="m_{ij} = s_{ij} / √d_k,  $or −∞",
    rules=(Rule("s", (_SCALED_SCORE,)),),
    recipe=Recipe("causal"),
    meaning="Where looking is forbidden (padding, or words still to come) the score is -inf.",
)
MASKED_WITH_BIAS = replace(
    MASKED,
    formula="scaled + bias, -inf where a query may not attend",
    of=("scaled", "bias"),
    notation="m_{ij} = s_{ij} / √d_k + b_{ij},  $or −∞",
    rules=(Rule("s + b", (_SCALED_SCORE, _HEAD_BIAS)),),
    recipe=None,
)
MASKED_CAPPED = replace(
    MASKED,
    formula="capped, -inf where a query may not attend",
    of=("capped",),
    notation="",
    rules=(Rule("s", (_CAPPED_SCORE,)),),
    recipe=None,
)
MASKED_CAPPED_WITH_BIAS = replace(
    MASKED_WITH_BIAS,
    formula="capped + bias, -inf where a query may not attend",
    of=("capped", "bias"),
    notation="",
    rules=(Rule("s + b", (_CAPPED_SCORE, _HEAD_BIAS)),),
)


def causal(rule: Rule) -> Rule:
    """Return the rule of ``masked`` if no query may attend to a later key."""
    return Rule(
        f"{rule.expression} if j <= i else -np.inf",
        (*rule.operands, QUERY_POSITION, KEY_POSITION),
    )


def windowed(rule: Rule) -> Rule:
    """Return the rule of ``masked`` if a query sees a window of positions up to its own."""
    window = Operand("window", "window", constant="window")
    return Rule(
        f"{rule.expression} if i - window < j <= i else -np.inf",
        (*rule.operands, QUERY_POSITION, KEY_POSITION, window),
    )


# From scores to the output

WEIGHTS = StepKind(
    "weights",
    "softmax of masked over keys",
    of=("masked",),
    axes=SCORE_AXES,
    notation="w_{ij} = exp(m_{ij} − max_j m_{ij}) / Σ_j exp(m_{ij} − max_j m_{ij})",
    rules=(softmax(Operand("m", "maskedRow", "{scope}.masked", _ROW), KEY_POSITION),),
    meaning="Each row becomes shares of 1: how much of each value flows to the query.",
)


def with_empty_rows(rule: Rule) -> Rule:
    """Return the rule of ``weights`` if a row may be all -inf; its weights are then 0."""
    row = rule.operands[0].symbol
    return Rule(f"0.0 if np.isneginf({row}).all() else {rule.expression}", rule.operands)


CONTRIBUTIONS = StepKind(
    "contributions",
    "weights * V, before the sum over keys",
    of=("weights", "value"),
    axes=(*SCORE_AXES, "value_dim"),
    rules=(
        Rule(
            "w * v",
            (
                Operand("w", "routingWeight", "{scope}.weights", same(0, 1, 2, 3)),
                Operand(
                    "v", "valueEntry", "{scope}.value", (axis(0), _SHARED_HEAD, axis(3), axis(4))
                ),
            ),
        ),
    ),
    meaning="What flows: each value times its weight.",
)
OUTPUT = StepKind(
    "output",
    "weights V",
    of=("weights", "value"),
    axes=OUTPUT_AXES,
    notation="o_i = Σ_j w_{ij} v_j",
    rules=(
        Rule(
            "w @ v",
            (
                Operand("w", "routingWeights", "{scope}.weights", _ROW),
                Operand(
                    "v", "valueEntries", "{scope}.value", (axis(0), _SHARED_HEAD, ALL, axis(3))
                ),
            ),
        ),
    ),
    meaning="The contributions of a row added up: what this head hands on for each query.",
)
SUMMED_CONTRIBUTIONS = replace(
    OUTPUT,
    formula="contributions, summed over keys",
    of=("contributions",),
    rules=(
        Rule(
            "c.sum()",
            (
                Operand(
                    "c", "keyContributions", "{scope}.contributions", (*same(0, 1, 2), ALL, axis(3))
                ),
            ),
        ),
    ),
)
CONCATENATED = StepKind(
    "concatenated",
    "heads side by side",
    of=("output",),
    axes=MODEL_AXES,
    rules=(
        Rule(
            "x",
            (
                Operand(
                    "x",
                    "headOutputEntry",
                    "{scope}.output",
                    (axis(0), axis(2, floordiv="head_dim"), axis(1), axis(2, mod="head_dim")),
                ),
            ),
        ),
    ),
    recipe=Recipe("heads"),
)
PROJECTED = StepKind(
    "projected",
    "concatenated W_o^T + b_o",
    of=("concatenated",),
    axes=MODEL_AXES,
    notation="y_i = [o_i^{0}; …; o_i^{$last_head}] W_O + b_O",
    rules=(
        linear(
            "{scope}.output",
            Operand("x", "allHeads", "{scope}.concatenated", (*same(0, 1), ALL)),
            axis(2),
            bias="attention_output_bias",
        ),
    ),
)
