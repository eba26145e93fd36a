from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference.layers.norms import layer_norm, rms_norm
from clearhead.reference.tracing.trace import Trace


def test_by_hand():
    # Mean 3, variance 4: (1 - 3) / 2 and (5 - 3) / 2.
    np.testing.assert_allclose(layer_norm(np.array([1.0, 5.0]), epsilon=0), [-1, 1])
    # Mean square (9 + 16) / 2 = 12.5.
    np.testing.assert_allclose(
        rms_norm(np.array([3.0, 4.0]), epsilon=0), np.array([3, 4]) / np.sqrt(12.5)
    )


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    first=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_it_agrees_with_torch(shape, first, seed):
    rng = np.random.default_rng(seed)
    axis = first % len(shape)
    x = rng.standard_normal(shape)
    weight, bias = rng.standard_normal((2, *shape[axis:]))
    arguments = [torch.from_numpy(a) for a in (x, weight, bias)]
    expected = torch.nn.functional.layer_norm(arguments[0], shape[axis:], *arguments[1:], 1e-5)
    # torch's layer norm and ours may divide by a variance of 0 plus epsilon.
    np.testing.assert_allclose(layer_norm(x, weight, bias, axis=axis), expected, atol=1e-9)
    expected = torch.nn.functional.rms_norm(arguments[0], shape[axis:], arguments[1], 1e-5)
    np.testing.assert_allclose(rms_norm(x, weight, axis=axis), expected, atol=1e-12)


def test_half_precision_is_normed_in_a_wider_one():
    x = (np.arange(64) * 1000).astype(np.float16)  # the square of 63,000 overflows in half
    half = layer_norm(x, stash_dtype=np.float32)
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, layer_norm(x.astype(np.float64)), atol=2e-3)
    assert np.isfinite(rms_norm(x, stash_dtype=np.float32)).all()


def test_the_input_is_left_alone():
    x = np.random.default_rng(0).standard_normal((3, 8))
    before = x.copy()
    layer_norm(x, np.ones(8), np.ones(8))
    rms_norm(x, np.ones(8))
    assert np.array_equal(x, before)


def test_steps_can_be_seen_and_replaced():
    x = np.random.default_rng(0).standard_normal((3, 8))
    trace = Trace(replace={"normalized": np.zeros_like})
    output = layer_norm(x, np.ones(8), np.full(8, 7.0), trace=trace)
    assert trace.paths == ["mean", "variance", "normalized", "output"]
    np.testing.assert_allclose(trace["variance"].value[:, 0], x.var(-1))
    assert (output == 7.0).all()


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match=r"axis 2 is not an axis of an array of shape \(3, 8\)"):
        layer_norm(np.ones((3, 8)), axis=2)
    with pytest.raises(ShapeError, match=r"weight of shape \(7,\) does not fit .*\(8,\)"):
        rms_norm(np.ones((3, 8)), np.ones(7))
