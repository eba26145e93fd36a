"""Rows in 8 bits: near what they were, better than max/127, and zeros stay zeros."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from clearhead.weight_storage.quantized_rows import (
    LARGEST,
    MOST_SCALE,
    dequantize,
    quantize,
    row_errors,
)

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


def values_of(rows) -> np.ndarray:
    out = np.empty(rows.numbers.shape, np.float32)
    dequantize(rows.numbers, rows.scales, out)
    return out


def by_largest(matrix: np.ndarray) -> np.ndarray:
    """The plain way: max/127 of each row."""
    scales = np.abs(matrix).max(1, keepdims=True).astype(np.float64) / LARGEST
    return np.rint(matrix / np.where(scales > 0, scales, 1)) * scales


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=FINITE))
def test_every_matrix_of_numbers(matrix):
    rows = quantize(matrix)
    assert (rows.numbers.dtype, rows.scales.dtype) == (np.dtype("int8"), np.dtype("float32"))
    assert rows.numbers.shape == matrix.shape
    assert rows.scales.shape == matrix.shape[:1]
    assert rows.numbers.min() >= -LARGEST
    assert (rows.scales >= 0).all()
    assert (rows.scales <= np.float32(MOST_SCALE)).all()
    values = values_of(rows)
    assert np.isfinite(values).all()
    assert (values[np.abs(matrix).max(1) == 0] == 0).all()
    largest = np.abs(matrix).max(1).astype(np.float64)
    ordinary = (largest < 1e38) & (largest > 1e-34)  # whose scale float32 holds with all digits
    plain = by_largest(matrix)
    exact = matrix.astype(np.float64)
    digits = matrix.shape[1] * (largest * 2.0**-22) ** 2  # those of float32
    error, plain_error = (((x - exact) ** 2).sum(1) for x in (values, plain))
    assert (error[ordinary] <= (plain_error * (1 + 1e-3) + digits)[ordinary]).all()


def test_the_error_is_smaller_than_with_the_largest_number():
    """A row with one number that stands out: cutting it off rounds all others more finely."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(300, 256)).astype(np.float32)
    error, plain = (
        float(((x - matrix) ** 2).sum()) for x in (values_of(quantize(matrix)), by_largest(matrix))
    )
    assert 0.9 < error / plain < 0.97
    scales = quantize(matrix).scales * LARGEST / np.abs(matrix).max(1)
    assert (scales < 1).any()


def test_whole_numbers_times_a_scale_come_back():
    numbers = np.array([[127, -3, 0, 64], [-127, 1, 2, 3]], np.float32)
    matrix = numbers * np.array([[0.5], [2.0]], np.float32)
    rows = quantize(matrix)
    np.testing.assert_array_equal(rows.numbers, numbers)
    np.testing.assert_array_equal(rows.scales, np.array([0.5, 2.0], np.float32))


def test_a_row_of_zeros_and_one_beside_it():
    rows = quantize(np.array([[0, 0], [1, -1]], np.float32))
    assert rows.scales[0] == 0
    assert not values_of(rows)[0].any()
    assert row_errors(np.zeros((1, 2)), quantize(np.zeros((1, 2), np.float32))) == [0.0]


def test_a_row_does_not_depend_on_those_beside_it():
    matrix = np.random.default_rng(1).normal(size=(2000, 64)).astype(np.float32)
    whole, alone = quantize(matrix), quantize(matrix[1500:1501])
    np.testing.assert_array_equal(whole.numbers[1500], alone.numbers[0])
    assert whole.scales[1500] == alone.scales[0]


def test_the_error_of_a_row_is_a_part_of_its_length():
    matrix = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    rows = quantize(matrix)
    by_hand = np.linalg.norm(values_of(rows)[0] - matrix[0]) / 5
    assert row_errors(matrix, rows) == pytest.approx([by_hand, 0], rel=1e-3)
