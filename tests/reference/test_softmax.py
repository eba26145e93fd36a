"""Softmax by hand, by its laws, and where arithmetic is at its limits."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clearhead.reference import log_softmax, softmax
from clearhead.reference.softmax import softmax_in_place

rows = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=6),
    elements=st.floats(-50, 50),
)


def test_by_hand() -> None:
    e = math.e

    np.testing.assert_allclose(softmax(np.array([0.0, 1.0])), [1 / (1 + e), e / (1 + e)])
    np.testing.assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [0.125, 0.25, 0.625])


@given(rows, st.data())
def test_entries_of_the_axis_sum_to_one(x: np.ndarray, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))

    shares = softmax(x, axis)

    assert shares.shape == x.shape
    assert (shares > 0).all()
    np.testing.assert_allclose(shares.sum(axis=axis), 1, rtol=1e-14)


@given(rows, st.floats(-1e4, 1e4))
def test_adding_the_same_to_all_changes_nothing(x: np.ndarray, shift: float) -> None:
    np.testing.assert_allclose(softmax(x + shift), softmax(x), rtol=1e-9, atol=1e-12)


@given(rows)
def test_reordering_entries_reorders_shares(x: np.ndarray) -> None:
    np.testing.assert_allclose(softmax(x[..., ::-1]), softmax(x)[..., ::-1], rtol=1e-14)


@given(rows)
def test_its_logarithm(x: np.ndarray) -> None:
    np.testing.assert_allclose(log_softmax(x), np.log(softmax(x)), rtol=1e-12, atol=1e-13)


@given(rows)
def test_the_argument_is_left_as_it_is(x: np.ndarray) -> None:
    before = x.copy()

    softmax(x)
    log_softmax(x)

    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_dtypes_stay_and_large_numbers_do_not_overflow(dtype: type) -> None:
    limit = np.finfo(dtype).max
    x = np.array([[limit, limit, -limit], [-limit, -limit, -limit]], dtype=dtype)

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        shares = softmax(x / 2)

    assert shares.dtype == dtype
    np.testing.assert_allclose(shares[0], [0.5, 0.5, 0])
    np.testing.assert_allclose(shares[1], [1 / 3, 1 / 3, 1 / 3], rtol=1e-3)


def test_half_precision_is_rounded_once() -> None:
    x = np.random.default_rng(0).normal(size=(4, 2000)).astype(np.float16)

    np.testing.assert_array_equal(softmax(x), softmax(x.astype(np.float32)).astype(np.float16))
    assert log_softmax(x).dtype == np.float16


def test_whole_numbers_are_read_as_float64() -> None:
    assert softmax(np.array([1, 1])).dtype == np.float64
    assert log_softmax(np.array([1, 1])).dtype == np.float64
    np.testing.assert_array_equal(softmax(np.array([True, True])), [0.5, 0.5])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_minus_infinity_has_no_share_and_a_row_of_it_is_zero(dtype: type) -> None:
    x = np.array([[-np.inf, 0.0, -np.inf], [-np.inf, -np.inf, -np.inf]], dtype=dtype)

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        shares = softmax(x)

    np.testing.assert_array_equal(shares, [[0, 1, 0], [0, 0, 0]])


def test_the_logarithm_of_no_share_is_minus_infinity() -> None:
    logs = log_softmax(np.array([[-np.inf, 0.0], [-np.inf, -np.inf]]))

    np.testing.assert_array_equal(logs, [[-np.inf, 0.0], [-np.inf, -np.inf]])


def test_not_a_number_is_not_hidden() -> None:
    assert np.isnan(softmax(np.array([0.0, np.nan]))).all()


def test_the_smallest_shares_keep_their_logarithm() -> None:
    np.testing.assert_allclose(log_softmax(np.array([0.0, -1000.0])), [0.0, -1000.0])


def test_no_entries() -> None:
    assert softmax(np.zeros((3, 0))).shape == (3, 0)


def test_in_place_writes_over_its_argument() -> None:
    x = np.array([[0.0, 0.0], [1.0, 1.0]])

    result = softmax_in_place(x)

    assert result is x
    np.testing.assert_array_equal(x, [[0.5, 0.5], [0.5, 0.5]])
