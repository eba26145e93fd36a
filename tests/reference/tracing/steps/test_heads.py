"""The declared rules of rotations and of norms of heads, evaluated by pencil and paper."""

from __future__ import annotations

import numpy as np

from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import heads


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


def test_a_pair_is_turned_by_an_angle_and_keeps_its_length() -> None:
    lower, upper = heads.ROTATED.rules
    # Position 1, pair 0: the angle is 1. The upper half's partner is the lower one.
    x, y = 3.0, 4.0
    constants = {"p": 1, "k": 0, "base": 10000.0, "head_dim": 4}
    rotated = (value(lower, a=x, b=y, **constants), value(upper, a=y, b=x, **constants))
    expected = (x + 1j * y) * np.exp(1j)
    np.testing.assert_allclose(rotated, (expected.real, expected.imag), rtol=1e-12)
    assert [rule.when["equals"] for rule in heads.ROTATED.rules] == [0, 1]
