from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.reference.layers.growing_rows import GrowingRows


@given(asked=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), max_size=8))
def test_it_has_the_rows_of_a_whole_table_and_computes_each_once(asked):
    computed = []

    def compute(start, length):
        computed.extend(range(start, start + length))
        return np.arange(start, start + length, dtype=float)[:, None] * [1.0, -2.0]

    table = GrowingRows(compute)
    for start, length in asked:
        expected = np.arange(start, start + length, dtype=float)[:, None] * [1.0, -2.0]
        np.testing.assert_array_equal(table(start, length), expected)
    assert computed == list(range(len(computed)))
    most = max((start + length for start, length in asked), default=0)
    assert len(computed) <= max(64, 2 * most)
