"""The declared rules of attention's steps, evaluated with numbers of pencil and paper."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import attention


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


@pytest.mark.parametrize(("i", "j", "masked"), [(2, 1, 1.5), (2, 2, 1.5), (2, 3, -np.inf)])
def test_a_causal_score_is_hidden_from_earlier_queries(i: int, j: int, masked: float) -> None:
    assert value(attention.causal(attention.MASKED.rules[0]), s=1.5, i=i, j=j) == masked
    biased = attention.causal(attention.MASKED_WITH_BIAS.rules[0])
    assert value(biased, s=1.0, b=0.5, i=i, j=j) == masked


def test_a_row_that_sees_nothing_has_shares_of_zero() -> None:
    rule = attention.with_empty_rows(attention.WEIGHTS.rules[0])
    assert value(rule, m=np.full(3, -np.inf), j=1) == 0.0
    assert value(rule, m=np.array([0.0, 0.0, -np.inf]), j=1) == 0.5


def test_scores_are_products_divided_by_the_root_of_the_width() -> None:
    query, key = np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 2, 1])
    assert value(attention.SCORES.rules[0], q=query, k=key) == 20
    assert value(attention.SCALED.rules[0], s=20.0, head_dim=4) == 10


def test_the_output_is_the_sum_of_contributions() -> None:
    weights, values = np.array([0.25, 0.75]), np.array([8.0, 4.0])
    contribution = attention.CONTRIBUTIONS.rules[0]
    parts = [value(contribution, w=w, v=v) for w, v in zip(weights, values, strict=True)]
    assert parts == [2, 3]
    assert value(attention.OUTPUT.rules[0], w=weights, v=values) == 5
    assert value(attention.SUMMED_CONTRIBUTIONS.rules[0], c=np.array(parts)) == 5
