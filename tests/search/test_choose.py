"""The narrowed selection finds what a whole sort finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.search.choose import top_tokens


@given(
    rows=st.integers(1, 5),
    vocab=st.integers(1, 9000),
    share=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_equals_a_stable_sort(rows, vocab, share, seed):
    count = max(1, min(vocab, int(share**4 * vocab)))
    generator = np.random.default_rng(seed)
    values = generator.permutation(rows * vocab).reshape(rows, vocab).astype(np.float32)
    largest, columns = top_tokens(values, count)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(largest, np.take_along_axis(values, order, axis=1))


@pytest.mark.parametrize("vocab", [7, 8000, 8191])
def test_equal_values(vocab):
    values = np.zeros((2, vocab), dtype=np.float32)
    values[0, [3, 5]] = 1.0
    values[1] = -np.inf
    values[1, 6] = 0.0
    largest, columns = top_tokens(values, 4)
    assert columns[0, :2].tolist() == [3, 5]
    assert columns[1, 0] == 6
    assert largest.tolist() == [[1.0, 1.0, 0.0, 0.0], [0.0, -np.inf, -np.inf, -np.inf]]
    assert all(len(set(row)) == 4 for row in columns.tolist())


@given(seed=st.integers(0, 200), count=st.integers(1, 16))
@settings(max_examples=30, deadline=None)
def test_a_row_decides_by_itself(seed, count):
    # Few distinct values: ties everywhere, which must fall the same way in any company.
    values = np.random.default_rng(seed).integers(0, 5, (6, 4000)).astype(np.float32)
    together = top_tokens(values, count)[1]
    for row in range(6):
        alone = top_tokens(values[row : row + 1], count)[1]
        np.testing.assert_array_equal(together[row], alone[0])
