from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference.layers.linear import JointLinear, Linear
from clearhead.reference.products import PLAIN, Products


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


@pytest.mark.parametrize("columns", [False, True])
def test_weights_that_lie_below_one_another_are_one_product_without_a_copy(columns):
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((3, 9)).T if columns else rng.standard_normal((9, 3))
    shapes = []

    def by_weight(weight):
        assert np.shares_memory(weight, whole)
        shapes.append(weight.shape)
        return lambda x: x @ weight.T

    products = Products(by_weight, np.matmul, joint=False)
    x = rng.standard_normal((2, 3))
    layer = JointLinear(
        [(whole[:4], None), (whole[4:6], None), (whole[6:], None)], products=products
    )
    assert shapes == [(9, 3)]
    for ours, part in zip(layer(x), (whole[:4], whole[4:6], whole[6:]), strict=True):
        np.testing.assert_allclose(ours, x @ part.T, atol=1e-14)


@pytest.mark.parametrize("order", [[0, 2], [1, 0]])
def test_weights_that_lie_apart_are_products_of_their_own(order):
    parts = np.random.default_rng(0).standard_normal((9, 3)).reshape(3, 3, 3)
    weights = [parts[i] for i in order]
    x = np.ones((2, 3))
    layer = JointLinear([(w, w[0]) for w in weights], products=replace(PLAIN, joint=False))
    for ours, weight in zip(layer(x), weights, strict=True):
        np.testing.assert_allclose(ours, x @ weight.T + weight[0], atol=1e-14)
