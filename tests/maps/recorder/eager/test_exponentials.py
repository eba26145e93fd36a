"""A softmax that is written out: exponentials divided by their sums."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager._exponentials import (
    exponential_step,
    normalised_axis,
    normalising_axis,
)
from clearhead.maps.recorder.eager._nodes import (
    Copy,
    Exponential,
    Fill,
    Layout,
    Node,
    Product,
    Shift,
    UnknownStep,
    weak_reference,
)

aten = torch.ops.aten
S = torch.randn(2, 3, 4)
E = S.exp()
COLUMN = torch.rand(2, 3, 1) + 0.5
MASK = torch.tensor([[1.0, 0.0, 1.0, 1.0]])


def step(operator, *args):
    return exponential_step(operator, args, operator(*args), E)


@pytest.mark.parametrize(
    ("operator", "args", "expected"),
    [
        (aten.mul.Tensor, (E, 0.5), Shift()),
        (aten.div.Tensor, (E, 8), Shift()),
        (aten.clone.default, (E,), Copy()),
    ],
)
def test_a_factor_of_exponentials_shifts_scores(operator, args, expected):
    assert step(operator, *args) == expected


@pytest.mark.parametrize(
    ("operator", "args"),
    [
        (aten.mul.Tensor, (E, MASK)),
        (aten.mul.Tensor, (MASK, E)),
        (aten.masked_fill.Scalar, (E, MASK == 0, 0)),
        (aten.where.self, (MASK == 1, E, torch.tensor(0.0))),
    ],
)
def test_zeros_hide_keys(operator, args):
    fill = step(operator, *args)
    assert isinstance(fill, Fill)
    assert fill.value == -torch.inf
    assert torch.equal(fill.where ^ fill.inverted, MASK == 0)


@pytest.mark.parametrize(
    ("operator", "args"),
    [
        (aten.mul.Tensor, (E, -1.0)),
        (aten.mul.Tensor, (E, S)),
        (aten.masked_fill.Scalar, (E, MASK == 0, 0.5)),
        (aten.where.self, (MASK == 1, E, S)),
        (aten.sqrt.default, (E,)),
    ],
)
def test_anything_else_is_not_understood(operator, args):
    unknown = step(operator, *args)
    assert isinstance(unknown, UnknownStep)
    assert f"the exponentials of its scores went through {operator}" in unknown.why


@pytest.mark.parametrize(
    ("operator", "args", "axis"),
    [
        (aten.div.Tensor, (E, COLUMN), -1),
        (aten.mul.Tensor, (COLUMN, E), -1),
        (aten.div.Tensor, (E, COLUMN.expand_as(E)), -1),
        (aten.div.Tensor, (E, torch.ones(2, 1, 4) * 3), -2),
        (aten.div.Tensor, (COLUMN, E), None),
        (aten.div.Tensor, (E, S), None),
        (aten.mul.Tensor, (E, MASK), None),
        (aten.mul.Tensor, (E, 2.0), None),
        (aten.add.Tensor, (E, COLUMN), None),
    ],
)
def test_the_axis_along_which_they_are_divided_by_one_number(operator, args, axis):
    assert normalising_axis(operator, args, E) == axis


def node_of(step):
    layout, reference = Layout.of(S), weak_reference(S)
    product = Node(layout, Product.of(S, S.mT, "bmm"), reference)
    return Node(layout, step, reference, product, layout)


def test_a_log_softmax_is_seen_by_the_sums_of_its_exponentials():
    assert normalised_axis(node_of(Shift()), S.log_softmax(-1).exp()) == -1
    assert normalised_axis(node_of(Shift()), S.log_softmax(-2).exp()) == -2
    assert normalised_axis(node_of(Shift()), E) is None
    assert normalised_axis(node_of(Copy()), S.log_softmax(-1).exp()) is None
    assert node_of(Exponential()).is_exponential
    assert not node_of(Shift()).is_exponential
