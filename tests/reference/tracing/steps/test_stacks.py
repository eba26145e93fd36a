"""The declared rules of logits are those of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import stacks


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


def test_logits_are_products_and_probabilities_their_softmax() -> None:
    hidden, row = np.array([1.0, -2.0]), np.array([3.0, 0.5])
    assert value(stacks.LOGITS[False].rules[0], h=hidden, w=row) == 2
    logits = np.log([1.0, 2.0, 5.0])
    assert value(stacks.PROBABILITIES.rules[0], z=logits, t=2) == pytest.approx(5 / 8)
