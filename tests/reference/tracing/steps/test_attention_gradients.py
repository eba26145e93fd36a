"""The declared rules of attention's backward pass, with numbers of pencil and paper."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import attention_gradients as steps
from clearhead.reference.tracing.steps import heads


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


def test_softmax_passes_on_what_differs_from_the_mean() -> None:
    weights, d = np.array([0.5, 0.5]), np.array([1.0, 5.0])
    shares = [value(steps.D_MASKED.rules[0], w=weights, d=d, j=j) for j in (0, 1)]
    assert shares == [-1.0, 1.0]


def test_a_shared_value_hears_from_its_group_alone() -> None:
    a, b = np.array([[1.0], [10.0], [100.0], [1000.0]]), np.ones((4, 1))
    rule = steps.D_VALUE[True].rules[0]
    assert [value(rule, a=a, b=b, h=h, n=4, m=2) for h in (0, 1)] == [11, 1100]
    assert value(steps.D_VALUE[False].rules[0], a=np.array([0.5, 2.0]), b=np.ones(2)) == 2.5


def test_a_cap_passes_on_less_the_nearer_it_is() -> None:
    (rule,) = steps.D_SCALED[True].rules
    assert value(rule, d=1.0, s=0.0, softcap=2.0) == 1.0
    assert value(rule, d=1.0, s=1.0, softcap=2.0) == 0.75


@pytest.mark.parametrize("way", list(heads.ROTATED_QUERY))
def test_turning_back_undoes_a_turn(way: tuple[bool, str, str]) -> None:
    """The rules of both halves, forward and then back, give the pair that there was."""
    forward, back = heads.ROTATED_QUERY[way].rules, steps.D_ROTATED["query", way].rules
    sizes = {"k": 1, "high": 4.0}
    numbers = {each.symbol: sizes.get(each.symbol, 3.0) for each in forward[0].operands}
    a, b = 0.6, -1.7
    turned = (
        value(forward[0], **numbers | {"a": a, "b": b}),
        value(forward[1], **numbers | {"a": b, "b": a}),
    )
    first = value(back[0], **numbers | {"a": turned[0], "b": turned[1]})
    second = value(back[1], **numbers | {"a": turned[1], "b": turned[0]})
    assert (first, second) == pytest.approx((a, b), abs=1e-12)
