"""The declared rules of the loss, with numbers of pencil and paper."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import loss


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


def test_p_minus_y_is_divided_among_all_labels() -> None:
    assert value(loss.D_LOGITS.rules[0], p=0.75, y=1.0, weight=0.5) == -0.125


@pytest.mark.parametrize(("token", "share"), [(3, 0.925), (4, 0.025)])
def test_a_smoothed_label_leaves_something_for_all(token: int, share: float) -> None:
    rule = loss.LABEL_DISTRIBUTION.rules[0]
    assert value(rule, smoothing=0.1, t=token, label=3, vocab=4) == pytest.approx(share)


def test_a_loss_is_minus_the_logarithm_of_the_right_share() -> None:
    logits = np.log([0.2, 0.8]) + 7
    expected = pytest.approx(-np.log(0.2))
    assert value(loss.LOSSES[False].rules[0], label=0, z=logits) == expected
    assert value(loss.LOSSES[True].rules[0], y=np.array([1.0, 0.0]), z=logits) == expected
    losses, weights = np.array([[2.0, 9.0]]), np.array([[1.0, 0.0]])
    assert value(loss.LOSS.rules[0], losses=losses, weights=weights) == 2.0


def test_a_row_hears_from_its_places_alone() -> None:
    d, ids = np.array([[1.0, 10.0, 100.0]]), np.array([[5, 6, 5]])
    assert value(loss.D_TABLE.rules[0], d=d, ids=ids, row=5) == 101
    offset = loss.D_POSITIONS["offset"].rules[0]
    assert [value(offset, d=d, row=row, offset=2) for row in (1, 2, 4, 5)] == [0, 1, 100, 0]
