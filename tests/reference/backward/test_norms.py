"""The gradients of norms are those of finite differences, and leave two directions out."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.reference import (
    finite_differences,
    layer_norm,
    layer_norm_gradient,
    rms_norm,
    rms_norm_gradient,
)

EPSILON = 1e-5
shapes = st.tuples(st.integers(1, 3), st.integers(2, 6))


@settings(max_examples=20)
@given(shape=shapes, seed=st.integers(0, 99))
def test_layer_norm(shape: tuple[int, int], seed: int) -> None:
    x, d = np.random.default_rng(seed).normal(size=(2, *shape))
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON)
    ours = layer_norm_gradient(d, layer_norm(x, epsilon=EPSILON), deviation)
    theirs = finite_differences(lambda x: float((layer_norm(x, epsilon=EPSILON) * d).sum()), x)
    # A row whose numbers are nearly equal is divided by next to nothing.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 / deviation.min() ** 3)


@settings(max_examples=20)
@given(shape=shapes, seed=st.integers(0, 99))
def test_rms_norm(shape: tuple[int, int], seed: int) -> None:
    x, d = np.random.default_rng(seed).normal(size=(2, *shape))
    root = np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
    ours = rms_norm_gradient(d, rms_norm(x, epsilon=EPSILON), root)
    theirs = finite_differences(lambda x: float((rms_norm(x, epsilon=EPSILON) * d).sum()), x)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 / root.min() ** 3)


def test_what_a_norm_takes_out_gets_no_gradient() -> None:
    x, d = np.random.default_rng(0).normal(size=(2, 4, 8))
    normalized = layer_norm(x, epsilon=0.0)
    gradient = layer_norm_gradient(d, normalized, x.std(axis=-1, keepdims=True))
    np.testing.assert_allclose(gradient.sum(axis=-1), 0, atol=1e-12)  # x + c: no change
    np.testing.assert_allclose((gradient * normalized).sum(axis=-1), 0, atol=1e-12)  # nor c x
    root = np.sqrt((x * x).mean(axis=-1, keepdims=True))
    gradient = rms_norm_gradient(d, rms_norm(x, epsilon=0.0), root)
    np.testing.assert_allclose((gradient * x).sum(axis=-1), 0, atol=1e-12)
    assert np.abs(gradient.sum(axis=-1)).min() > 1e-3
