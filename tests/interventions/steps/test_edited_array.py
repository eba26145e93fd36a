"""Which entries of a step an edit changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.interventions.edits import HEADS, EdgeEdit, TensorEdit
from clearhead.interventions.positions import Positions
from clearhead.interventions.steps import changes
from clearhead.interventions.steps.edited_array import edge_change, tensor_change

lists = st.lists(st.integers(0, 6), min_size=1)


@given(st.none() | st.lists(st.integers(0, 2), min_size=1, unique=True), st.none() | lists,
       st.booleans(), st.none() | st.integers(0, 6))  # fmt: skip
def test_heads_and_rows_are_those_of_the_edit(heads, places, whole_rows, position):
    x = np.arange(1.0, 1 + 2 * 3 * 5 * 4).reshape(2, 3, 5, 4)
    before = x.copy()
    numbers = None if heads is None else tuple(heads)
    edit = TensorEdit("words", numbers, HEADS, changes.scale(-1), Positions.of(places))
    y = tensor_change(edit, "module", 3, whole_rows=whole_rows)(x, position)
    for head in range(3):
        for row in range(5):
            place = row if whole_rows or position is None else position
            changed = (heads is None or head in heads) and (places is None or place in places)
            np.testing.assert_array_equal(y[:, head, row], (-1 if changed else 1) * x[:, head, row])
    np.testing.assert_array_equal(x, before)
    assert edit.applied == (not np.array_equal(x, y))


@given(lists, lists, st.booleans(), st.none() | st.integers(0, 6))
def test_edges_are_each_query_with_each_key(queries, keys, renormalise, position):
    x = np.ones((2, 3, 5, 4))
    edit = EdgeEdit("words", (1,), Positions.of(queries), Positions.of(keys), renormalise)
    y = edge_change(edit, "module", 3)(x, position)
    expected = x.copy()
    for row in range(5):
        if (row if position is None else position) in queries:
            for key in {key for key in keys if key < 4}:
                expected[:, 1, row, key] = -np.inf if renormalise else 0
    np.testing.assert_array_equal(y, expected)
    assert edit.applied == (not np.array_equal(x, y))
