"""Vectors of tokens become vectors of texts: by hand, and whatever padding says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.tasks.embedding.pooling import MODES, normalized, pool

HIDDEN = np.array([[[1.0, -2.0], [3.0, 0.0], [5.0, -7.0]], [[4.0, 1.0], [9.0, 9.0], [9.0, 9.0]]])
MASK = np.array([[True, True, True], [True, False, False]])


@pytest.mark.parametrize(
    ("mode", "first"),
    [
        ("cls", [1, -2]),
        ("last", [5, -7]),
        ("max", [5, 0]),
        ("mean", [3, -3]),
        ("mean_sqrt", [9 / 3**0.5, -9 / 3**0.5]),
        ("weighted", [(1 + 6 + 15) / 6, (-2 + 0 - 21) / 6]),
    ],
)
def test_by_hand(mode, first):
    np.testing.assert_allclose(pool(HIDDEN, MASK, (mode,)), [first, [4, 1]], rtol=1e-15)


def test_several_stand_side_by_side():
    both = pool(HIDDEN, MASK, ("cls", "max"))
    np.testing.assert_array_equal(both, [[1, -2, 5, 0], [4, 1, 4, 1]])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 4), st.integers(0, 4))
def test_padding_on_either_side_changes_nothing(seed, length, before, after):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(1, before + length + after, 3))
    mask = np.zeros((1, hidden.shape[1]), bool)
    mask[:, before : before + length] = True
    alone = hidden[:, before : before + length]
    for mode in MODES:
        np.testing.assert_allclose(
            pool(hidden, mask, (mode,)),
            pool(alone, np.ones((1, length), bool), (mode,)),
            atol=1e-14,
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype):
    vectors = pool(HIDDEN.astype(dtype), MASK, MODES)
    assert vectors.dtype == dtype
    assert normalized(vectors).dtype == dtype


def test_normalized():
    vectors = normalized(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 0]], rtol=1e-15)
