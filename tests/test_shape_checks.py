"""That shapes are checked while the tests run, and cost nothing where nobody checks them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beartype.roar import BeartypeCallHintViolation

from clearhead.engine.products import multiply
from clearhead.errors import ShapeError
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.nn.attention import fused_attention
from clearhead.reference import padding_mask, relative_bias
from tests import shape_checks


@pytest.fixture(autouse=True)
def every_call(monkeypatch):
    monkeypatch.setattr(shape_checks, "ONE_OF", 1)


def test_after_the_first_calls_a_part_is_checked(monkeypatch):
    monkeypatch.setattr(shape_checks, "FIRST_CALLS", 2)
    monkeypatch.setattr(shape_checks, "ONE_OF", 5)
    checks = []
    monkeypatch.setattr(shape_checks, "_checking", lambda function: checks.append)
    identity = shape_checks.checked(lambda x: x)
    for call in range(1, 12):
        identity(call)
    assert checks == [1, 2, 5, 10]


def test_a_refusal_of_the_function_itself_is_read_first():
    namespace = {"Float": np.ndarray, "ShapeError": ShapeError}
    exec("def first(x):\n    if x.ndim != 1: raise ShapeError('one axis')\n    return x", namespace)
    namespace["first"].__module__ = "clearhead.reference.positions"
    namespace["first"].__annotations__ = {"x": 'Float[np.ndarray, "length"]'}
    with pytest.raises(ShapeError, match="one axis"):
        shape_checks.checked(namespace["first"])(np.zeros((2, 2)))


def test_an_axis_has_one_length_within_a_call():
    query, value = torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 5, 4)
    with pytest.raises(BeartypeCallHintViolation, match="key_len"):
        fused_attention(query, query, value)
    assert fused_attention(query, value, value).shape == (1, 2, 3, 4)


def test_arrays_of_the_reference_and_the_engine_are_checked_too():
    positions, table = np.arange(3), np.zeros((32, 2))
    assert relative_bias(table, positions, positions, bidirectional=True).shape == (2, 3, 3)
    with pytest.raises(BeartypeCallHintViolation, match="weight"):
        relative_bias(table[0], positions, positions, bidirectional=True)
    with pytest.raises(BeartypeCallHintViolation, match="inner"):
        multiply(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))
    assert padding_mask(2, 3).shape == (3,)


def test_dtypes_and_fields_are_checked_too():
    tensor = torch.zeros(1, 2, 3, 4)
    with pytest.raises(BeartypeCallHintViolation, match="mask"):
        fused_attention(tensor, tensor, tensor, mask=torch.zeros(3, 3))
    start = torch.zeros(1, 1, 3, dtype=torch.int32)
    with pytest.raises(BeartypeCallHintViolation, match="end"):
        KeyRanges(start, start.float())


def test_a_result_of_the_wrong_shape_is_found():
    namespace = {"Float": torch.Tensor, "Tensor": torch.Tensor}
    exec("def half(x): return x[: len(x) // 2]", namespace)
    namespace["half"].__module__ = "clearhead.nn.positions"
    namespace["half"].__annotations__ = {
        "x": 'Float[Tensor, "length"]',
        "return": 'Float[Tensor, "length"]',
    }
    with pytest.raises(BeartypeCallHintViolation, match="return"):
        shape_checks.checked(namespace["half"])(torch.zeros(4))


class Doubled(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_what_is_exported_is_not_checked(monkeypatch):
    def double(x):
        return 2 * x

    def fail(function):
        raise AssertionError("checked")

    monkeypatch.setattr(shape_checks, "_checking", fail)
    module = Doubled(shape_checks.checked(double))
    with pytest.raises(AssertionError, match="checked"):
        module(torch.ones(3))
    program = torch.export.export(module, (torch.ones(3),))
    assert program.module()(torch.ones(3)).tolist() == [2, 2, 2]


def test_rooms_must_be_named_before_they_are_imported():
    with pytest.raises(RuntimeError, match=r"clearhead\.nn.* is imported before"):
        shape_checks.install("clearhead.nn")
