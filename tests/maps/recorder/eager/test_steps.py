"""What each operator does to scores."""

from __future__ import annotations

import math

import pytest
import torch

from clearhead.maps.recorder.eager._nodes import (
    Addition,
    Cap,
    Copy,
    Fill,
    RowScaling,
    Scaling,
    Shift,
    SinkColumn,
    UnknownStep,
)
from clearhead.maps.recorder.eager._steps import step_of

aten = torch.ops.aten
S = torch.randn(2, 3, 4)
BIAS = torch.randn(3, 4)
COLUMN = torch.randn(2, 3, 1)
MASK = BIAS > 0


def step(operator, *args, **keywords):
    return step_of(operator, args, keywords, operator(*args, **keywords), S)


@pytest.mark.parametrize(
    ("operator", "args", "expected"),
    [
        (aten.mul.Tensor, (S, 0.5), Scaling(0.5)),
        (aten.mul.Tensor, (torch.tensor(0.5), S), Scaling(0.5)),
        (aten.div.Tensor, (S, 8), Scaling(0.125)),
        (aten.neg.default, (S,), Scaling(-1.0)),
        (aten.add.Tensor, (S, 3.0), Shift()),
        (aten.sub.Tensor, (S, COLUMN), Shift()),
        (aten.add.Tensor, (S, 0), Copy()),
        (aten.clone.default, (S,), Copy()),
        (aten.tanh.default, (S,), Cap()),
    ],
)
def test_steps_without_a_tensor(operator, args, expected):
    assert step(operator, *args) == expected


def test_a_number_per_row_scales_rows():
    scaling = step(aten.mul.Tensor, S, COLUMN)
    assert isinstance(scaling, RowScaling)
    assert scaling.factor is COLUMN
    division = step(aten.div.Tensor, S, COLUMN)
    torch.testing.assert_close(division.factor, 1 / COLUMN)


@pytest.mark.parametrize(
    ("operator", "args", "factor"),
    [
        (aten.add.Tensor, (S, BIAS), 1.0),
        (aten.add.Tensor, (BIAS, S), 1.0),
        (aten.sub.Tensor, (S, BIAS), -1.0),
    ],
)
@pytest.mark.parametrize("alpha", [1, 2])
def test_terms_have_a_factor(operator, args, factor, alpha):
    addition = step(operator, *args, alpha=alpha)
    if args[0] is BIAS and alpha == 2:
        assert addition == UnknownStep("its scores were scaled while they were added to something")
        return
    assert isinstance(addition, Addition)
    assert addition.term is BIAS
    assert addition.factor == factor * alpha


def test_a_row_that_is_shifted_by_infinity_is_no_shift():
    column = COLUMN.clone()
    column[0, 0] = -torch.inf
    assert isinstance(step(aten.add.Tensor, S, column), Addition)
    assert step(aten.add.Tensor, S, math.inf) == UnknownStep("inf was added to its scores")
    assert step(aten.sub.Tensor, S, math.inf) == UnknownStep("inf was subtracted from its scores")


@pytest.mark.parametrize(
    ("operator", "args", "value", "inverted"),
    [
        (aten.masked_fill.Scalar, (S, MASK, -9.0), -9.0, False),
        (aten.masked_fill.Tensor, (S, MASK, torch.tensor(-9.0)), -9.0, False),
        (aten.where.self, (MASK, S, torch.tensor(-9.0)), -9.0, True),
        (aten.where.self, (MASK, torch.full((3, 4), -9.0), S), -9.0, False),
    ],
)
def test_numbers_in_the_place_of_scores(operator, args, value, inverted):
    fill = step(operator, *args)
    assert isinstance(fill, Fill)
    assert torch.equal(fill.where, MASK)
    assert (fill.value, fill.inverted) == (value, inverted)
    # The number stands where the mask is True, or, inverted, where it is False.
    is_value = operator(*args) == value
    assert torch.equal(is_value, (fill.where != fill.inverted).expand_as(is_value))


def test_one_column_behind_the_scores_is_that_of_sinks():
    sinks = step(aten.cat.default, [S, COLUMN], -1)
    assert isinstance(sinks, SinkColumn)
    assert sinks.logits is COLUMN


@pytest.mark.parametrize(
    ("operator", "args", "why"),
    [
        (aten.mul.Tensor, (S, BIAS), "its scores were multiplied by a matrix"),
        (aten.div.Tensor, (S, BIAS), "its scores were divided by a matrix"),
        (aten.div.Tensor, (BIAS, S), "something was divided by its scores"),
        (aten.sub.Tensor, (BIAS, S), "its scores were subtracted from something"),
        (aten.where.self, (MASK, S, BIAS), "replaced by those of another tensor"),
        (aten.cat.default, ([COLUMN, S], -1), "not one column of sinks"),
        (aten.cat.default, ([S, S], -1), "not one column of sinks"),
        (aten.sigmoid.default, (S,), "its scores went through aten.sigmoid.default, which is not"),
        (aten.add.Tensor, (S, torch.randn(5, 1, 3, 4)), "its scores were broadcast by aten.add"),
    ],
)
def test_what_is_not_understood_says_what_was_done(operator, args, why):
    unknown = step(operator, *args)
    assert isinstance(unknown, UnknownStep)
    assert why in unknown.why


def test_a_quotient_that_is_rounded_is_not_understood():
    unknown = step(aten.div.Tensor_mode, S, 2, rounding_mode="floor")
    assert unknown.why == "something was divided by its scores, or the quotient was rounded"
