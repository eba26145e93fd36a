"""Writes into a part of scores."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager._nodes import Addition, Copy, Fill, Layout, UnknownStep
from clearhead.maps.recorder.eager._partial_writes import partial_write

aten = torch.ops.aten
S = torch.randn(2, 3, 4)
WHOLE = Layout.of(S)
MASK = S > 0
PART = (slice(None), slice(1, 3), slice(2, None))


def write(operator, part, *args, **keywords):
    return partial_write(operator, (part, *args), keywords, part, WHOLE)


@pytest.mark.parametrize(
    ("operator", "args"),
    [
        (aten.fill_.Scalar, (-9.0,)),
        (aten.zero_.default, ()),
        (aten.copy_.default, (torch.tensor(-9.0),)),
        (aten.masked_fill_.Scalar, (MASK[PART], -9.0)),
        (aten.index_put_.default, ([None, torch.tensor([0])], torch.tensor(-9.0))),
        (aten.index_put_.default, ([MASK[PART]], torch.tensor([-9.0]))),
        (aten.index_fill_.int_Scalar, (1, torch.tensor([1]), -9.0)),
    ],
    ids=str,
)
def test_a_number_takes_the_place_of_those_that_the_operator_writes_to(operator, args):
    fill = write(operator, S[PART], *args)
    copy = S.clone()
    operator(copy[PART], *args)
    assert isinstance(fill, Fill)
    assert fill.value == (0.0 if operator is aten.zero_.default else -9.0)
    assert fill.where.shape == S.shape
    assert torch.equal(fill.where, copy != S)


@pytest.mark.parametrize(("operator", "sign"), [(aten.add_.Tensor, 1), (aten.sub_.Tensor, -1)])
def test_a_term_for_a_part_is_zero_elsewhere(operator, sign):
    term = torch.randn(2)
    addition = write(operator, S[PART], term, alpha=3)
    copy = torch.zeros_like(S)
    operator(copy[PART], term, alpha=3)
    assert isinstance(addition, Addition)
    assert addition.factor == 3 * sign
    torch.testing.assert_close(addition.term * addition.factor, copy)


def test_what_ends_a_sum_in_place_changes_nothing():
    assert write(aten.copy_.default, S[PART], S[PART]) == Copy()


def test_other_numbers_are_not_understood():
    why = "some of its scores were replaced by those of another tensor"
    assert write(aten.copy_.default, S[PART], torch.arange(2.0)) == UnknownStep(why)
    beside = torch.randn(30)
    tensor = beside.as_strided((2, 3, 4), (12, 4, 1), 6)
    args = (beside.as_strided((2,), (1,), 0), 0.0)
    step = partial_write(aten.fill_.Scalar, args, {}, args[0], Layout.of(tensor))
    assert step == UnknownStep("some of its scores were written beside others")


def test_operators_that_write_nowhere_or_everywhere_are_none():
    assert write(aten.add.Tensor, S, MASK) is None
    assert write(aten.masked_fill_.Scalar, S, MASK, 0.0) is None
    assert write(aten.add_.Tensor, S, MASK.float()) is None
    assert write(aten.mul_.Tensor, S[PART], 2.0) is None
    accumulates = ([MASK], torch.tensor(1.0), True)
    assert write(aten.index_put_.default, S, *accumulates) is None
