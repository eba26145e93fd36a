"""Answers are read as what they are, and compared with the place of the largest difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.lessons._answers import (
    call,
    compare,
    place_of_difference,
    read_array,
    read_number,
    read_text,
)
from clearhead.lessons._exercise import Off
from clearhead.lessons._text import NOTHING, text


@given(st.floats(allow_nan=False), st.integers(0, 2))
def test_a_number_in_any_wrapping_is_that_number(number, depth):
    answer: object = number
    for _ in range(depth):
        answer = [answer]
    assert read_number(answer) == number


def test_a_tensor_is_read_as_an_array():
    torch = pytest.importorskip("torch")
    tensor = torch.ones(2, requires_grad=True)
    assert np.array_equal(read_array(tensor, (2,)), [1, 1])


def test_a_text_of_several():
    assert read_text(" encoder ", ["encoder", "decoder"]) == "encoder"
    with pytest.raises(Off, match="Choose one of 'encoder', 'decoder'; yours is 'middle'"):
        read_text("middle", ["encoder", "decoder"])
    with pytest.raises(Off, match="in quotation marks"):
        read_text(3)


def test_a_function_gets_copies():
    table = np.zeros(3)

    def change(x):
        x += 1
        return x

    assert np.array_equal(call(change, table), [1, 1, 1])
    assert np.array_equal(table, [0, 0, 0])


def test_the_largest_difference_has_a_place_and_a_nan_is_larger_than_any():
    right = np.arange(6.0).reshape(2, 3)
    actual = right.copy()
    actual[1, 2] += 2
    actual[0, 1] -= 1
    assert place_of_difference(actual, right) == (1, 2)
    with pytest.raises(Off, match=r"Yours is 7 at \[1, 2\], counted from 0, and .* right is 5"):
        compare(actual, right, NOTHING, tell=True)
    actual[0, 0] = np.nan
    assert place_of_difference(actual, right) == (0, 0)


def test_the_right_number_is_told_only_when_it_is_no_solution():
    with pytest.raises(Off) as caught:
        compare(np.array(1.0), np.array(12345.0), text("Think of the mean.", "Pense na média."))
    assert "12345" not in str(caught.value)
    assert str(caught.value).endswith("Think of the mean.")
