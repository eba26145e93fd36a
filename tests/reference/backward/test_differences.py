"""Finite differences of functions whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.reference import finite_differences


def test_a_cube_and_a_product() -> None:
    x = np.array([[1.0, -2.0], [3.0, 0.5]])
    np.testing.assert_allclose(
        finite_differences(lambda x: float((x**3).sum()), x), 3 * x**2, rtol=0, atol=1e-8
    )
    derivative = finite_differences(lambda x: float(x[0, 0] * x[1, 1]), x)
    np.testing.assert_allclose(derivative, [[0.5, 0], [0, 1.0]], rtol=0, atol=1e-9)


def test_the_array_is_left_as_it_is_and_the_function_may_write_into_its_own() -> None:
    x = np.ones(3)

    def spoil(x: np.ndarray) -> float:
        x *= 2
        return float(x.sum())

    np.testing.assert_allclose(finite_differences(spoil, x), [2, 2, 2], rtol=0, atol=1e-9)
    assert x.tolist() == [1, 1, 1]


def test_a_number_alone_and_whole_numbers() -> None:
    assert finite_differences(lambda x: float(x * x), np.array(3)) == pytest.approx(6)


def test_no_step_is_refused() -> None:
    with pytest.raises(ConfigError, match="step must be above 0; it is 0"):
        finite_differences(lambda x: 0.0, np.ones(1), step=0)
