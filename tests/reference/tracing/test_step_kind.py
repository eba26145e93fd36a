from __future__ import annotations

import numpy as np

from clearhead.reference.tracing.step_kind import (
    ALL,
    Operand,
    StepKind,
    axis,
    linear,
    same,
    softmax,
)


def test_an_axis_may_be_absent() -> None:
    kind = StepKind("masked", "", axes=("batch", "heads", "query_len", "key_len"))
    assert kind.axes_of(2) == ("query_len", "key_len")
    assert kind.axes_of(4) == kind.axes_of(9) == kind.axes
    assert StepKind("mean", "").axes_of(3) == ()


def test_an_index_is_the_explained_numbers_own() -> None:
    assert axis(2) == {"axis": 2}
    assert axis(1, floordiv="group", plus=1) == {"axis": 1, "floordiv": "group", "plus": 1}
    assert same(0, 2) == ({"axis": 0}, {"axis": 2})


def test_an_entry_of_a_linear_layer_is_a_product_of_rows() -> None:
    rule = linear("{scope}.up", Operand("x", "input", "{of[0]}", (axis(0), ALL)), axis(1))
    values = {"x": np.array([1.0, 2.0]), "w": np.array([3.0, -1.0]), "b": 0.5}
    assert eval(rule.expression, {"np": np}, values) == 1 * 3 - 2 * 1 + 0.5
    paths = [operand.path for operand in rule.operands]
    assert paths == ["{of[0]}", "weights/{scope}.up.weight", "weights/{scope}.up.bias"]
    assert [operand.index for operand in rule.operands[1:]] == [(axis(1), ALL), (axis(1),)]
    assert [operand.only_with for operand in rule.operands] == ["", "", "bias"]


def test_a_share_of_a_softmax_is_of_its_row() -> None:
    rule = softmax(Operand("m", "row", "{scope}.masked"), Operand("j", "key", position=axis(1)))
    row = np.array([1000.0, 1000.0 + np.log(3), -np.inf])  # exp of these is beyond a float64
    shares = [eval(rule.expression, {"np": np}, {"m": row, "j": j}) for j in range(3)]
    np.testing.assert_allclose(shares, [0.25, 0.75, 0.0], rtol=1e-12)
