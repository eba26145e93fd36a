"""The declared rules behind the heads: one vector was read by several projections."""

from __future__ import annotations

import numpy as np

from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import projection_gradients as steps


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


def test_queries_keys_and_values_all_answer_to_what_they_were_made_from() -> None:
    heads, column = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0, 1.0, 0.0])
    names = {"dq": heads, "wq": column, "dk": 2 * heads, "wk": column, "dv": heads, "wv": column}
    assert value(steps.D_INPUT[False].rules[0], **names) == 6 + 12 + 6
    assert steps.D_INPUT[False].formula == "d_query W_q + d_key W_k + d_value W_v"


def test_a_memory_hears_from_the_layers_after_this_one_too() -> None:
    names = {"dk": np.ones((1, 2)), "wk": np.ones(2), "dv": np.ones((1, 2)), "wv": np.ones(2)}
    assert value(steps.D_MEMORY[False].rules[0], **names) == 4
    assert value(steps.D_MEMORY[True].rules[0], **names, after=0.5) == 4.5


def test_a_weight_is_summed_over_all_positions() -> None:
    d, x = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    assert value(steps.D_WEIGHT.rules[0], d=d, x=x) == 11
    assert value(steps.D_BIAS.rules[0], d=d) == 3
