"""Values come from JSON: what counts as a whole number, as left out, and as too much."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import ValidationError

from clearhead.explorer.contract.values import HIGHEST, TUPLE, Index, PlainModel, Span, at_most


class Example(PlainModel):
    index: Index = 7
    span: Span | None = None
    numbers: Annotated[tuple[float, ...], TUPLE, at_most(2)] = ()


@pytest.mark.parametrize(("value", "index"), [(3, 3), (3.0, 3), (0, 0), (HIGHEST, HIGHEST)])
def test_a_float_without_a_fraction_is_a_whole_number(value, index):
    example = Example.model_validate({"index": value})
    assert example.index == index
    assert type(example.index) is int


@pytest.mark.parametrize("value", [2.5, "3", True, -1, HIGHEST + 1, [3], float("nan")])
def test_nothing_else_is_a_whole_number(value):
    with pytest.raises(ValidationError, match="index"):
        Example.model_validate({"index": value})


def test_null_is_left_out_and_other_names_are_not():
    values = {"index": None, "span": None, "numbers": None}
    assert Example.model_validate(values) == Example()
    for value in (1, None):
        with pytest.raises(ValidationError, match="other"):
            Example.model_validate({"other": value})


def test_a_model_is_frozen_and_can_be_read_again():
    example = Example.model_validate({"span": [1, 2.0], "numbers": [0.5]})
    assert example.to_dict() == {"index": 7, "span": [1, 2], "numbers": [0.5]}
    assert Example.model_validate(example.to_dict()) == example
    assert hash(example) == hash(Example.model_validate(example.to_dict()))
    with pytest.raises(ValidationError, match="frozen"):
        example.index = 8


def test_a_long_list_is_refused_before_its_entries_are_read():
    with pytest.raises(ValidationError) as error_info:
        Example.model_validate({"numbers": ["x"] * 3})
    (problem,) = error_info.value.errors()
    assert (problem["type"], problem["ctx"]["actual_length"]) == ("too_long", 3)
    with pytest.raises(ValidationError) as error_info:
        Example.model_validate({"numbers": ["x"] * 2})
    assert len(error_info.value.errors()) == 2


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_numbers_are_finite(number):
    with pytest.raises(ValidationError, match="finite"):
        Example.model_validate({"numbers": [number]})


def test_the_schema_says_that_what_may_be_missing_may_be_null():
    schema = Example.model_json_schema()
    assert {"type": "null"} in schema["properties"]["index"]["anyOf"]
    assert schema["properties"]["index"]["default"] == 7
    assert "required" not in schema
    assert schema["additionalProperties"] is False
