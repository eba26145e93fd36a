"""The gradients of a linear layer, by hand and by finite differences."""

from __future__ import annotations

import numpy as np

from clearhead.reference import finite_differences, linear_gradients


def test_one_row_by_hand() -> None:
    gradients = linear_gradients(
        np.array([[1.0, 2.0]]), np.array([[3.0, 4.0, 5.0]]), np.array([[1.0, 0, 0], [0, 1.0, 1.0]])
    )
    assert gradients.input.tolist() == [[1, 2, 2]]
    assert gradients.weight.tolist() == [[3, 4, 5], [6, 8, 10]]
    assert gradients.bias.tolist() == [1, 2]


def test_all_three_by_finite_differences() -> None:
    rng = np.random.default_rng(0)
    x, weight, bias = rng.normal(size=(2, 3, 4)), rng.normal(size=(5, 4)), rng.normal(size=5)
    target = rng.normal(size=(2, 3, 5))

    def loss(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> float:
        return float(((x @ weight.T + bias - target) ** 2).sum())

    gradients = linear_gradients(2 * (x @ weight.T + bias - target), x, weight)
    close = {"rtol": 0, "atol": 1e-7}
    by_x = finite_differences(lambda each: loss(each, weight, bias), x)
    np.testing.assert_allclose(gradients.input, by_x, **close)
    by_weight = finite_differences(lambda each: loss(x, each, bias), weight)
    np.testing.assert_allclose(gradients.weight, by_weight, **close)
    by_bias = finite_differences(lambda each: loss(x, weight, each), bias)
    np.testing.assert_allclose(gradients.bias, by_bias, **close)
