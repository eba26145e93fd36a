from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference.layers.linear import JointLinear, Linear
from clearhead.reference.products import Products


@given(
    rows=st.integers(0, 20),
    inner=st.sampled_from([1, 7, 64, 255, 257, 600]),
    outer=st.sampled_from([1, 63, 64, 65, 700]),
    bias=st.booleans(),
)
def test_it_is_x_times_the_transposed_weight_plus_bias(rows, inner, outer, bias):
    rng = np.random.default_rng(rows)
    weight, x = rng.standard_normal((outer, inner)), rng.standard_normal((rows, inner))
    b = rng.standard_normal(outer) if bias else None
    expected = x @ weight.T + (b if bias else 0)
    np.testing.assert_allclose(Linear(weight, b)(x), expected, rtol=0, atol=1e-11)


def test_no_rows_give_no_rows():
    assert Linear(np.ones((5, 3), np.float32))(np.ones((0, 2, 3), np.float32)).shape == (0, 2, 5)


def test_leading_axes_are_kept():
    layer = Linear(np.ones((5, 3)))
    assert layer(np.ones((2, 4, 3))).shape == (2, 4, 5)
    assert layer(np.ones(3)).shape == (5,)


def test_joint_layers_come_apart():
    rng = np.random.default_rng(0)
    layers = [(rng.standard_normal((n, 6)), rng.standard_normal(n)) for n in (3, 5, 2)]
    x = rng.standard_normal((4, 6))
    for part, (weight, bias) in zip(JointLinear(layers)(x), layers, strict=True):
        np.testing.assert_allclose(part, x @ weight.T + bias, rtol=0, atol=1e-12)


def test_the_product_may_be_computed_in_another_way():
    def by_weight(weight):
        return lambda x: 2 * (x @ weight.T)

    layer = Linear(np.eye(3), np.ones(3), products=Products(by_weight=by_weight))
    np.testing.assert_array_equal(layer(np.arange(3.0)), [1, 3, 5])


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match=r"weight \[out, in\] and a bias \[out\]; got .*\(4, 3\)"):
        Linear(np.ones((4, 3)), np.ones(3))
    with pytest.raises(ShapeError, match=r"of 3 inputs was given an array of shape \(2, 4\)"):
        Linear(np.ones((4, 3)))(np.ones((2, 4)))
    with pytest.raises(ShapeError, match="all or none"):
        JointLinear([(np.ones((4, 3)), np.ones(4)), (np.ones((4, 3)), None)])
