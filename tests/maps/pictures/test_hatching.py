"""What is hatched: masked cells, each once, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.pictures.hatching import boxes_of, hatch


@given(st.integers(0, 2**20 - 1))
def test_boxes_cover_what_is_masked_once(bits):
    masked = np.array([bits >> i & 1 for i in range(20)], dtype=bool).reshape(4, 5)
    covered = np.zeros((4, 5), dtype=int)
    for top, bottom, first, last in boxes_of(masked):
        covered[top:bottom, first:last] += 1
    np.testing.assert_array_equal(covered, masked.astype(int))


def test_equal_rows_below_each_other_are_one_box():
    masked = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]], dtype=bool)
    assert sorted(boxes_of(masked)) == [(0, 2, 1, 3), (2, 3, 0, 1), (2, 3, 3, 4)]


def test_the_outline_goes_around_the_masked_cells():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    masked = np.array([[0, 1], [0, 0]], dtype=bool)
    hatch(axes, masked)
    (patch,) = axes.patches
    assert patch.get_hatch()
    inside = [patch.get_path().contains_point((x, y)) for y in range(2) for x in range(2)]
    assert inside == [False, True, False, False]


def test_nothing_is_drawn_where_nothing_is_masked():
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    hatch(axes, np.zeros((3, 3), dtype=bool))
    assert not axes.patches
