"""Cells and stretches at their borders, and what is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.maps import AttentionMap, Mass, Pooled
from clearhead.maps.measures.pooled import Blocks, edges, span_sums


@given(st.integers(1, 200), st.data())
def test_cells_are_those_of_the_formula(length, data):
    cells = data.draw(st.integers(1, length))
    borders = edges(length, cells)
    for i in range(length):
        cell = i * cells // length
        assert borders[cell] <= i < borders[cell + 1]


def test_sums_of_stretches_that_reach_beyond_the_columns():
    vector = torch.tensor([1.0, 2.0, 4.0])
    begin, end = torch.tensor([[0, 10], [10, 12], [12, 99], [0, 99], [13, 14]]).T
    assert span_sums(vector, 10, begin, end).tolist() == [0, 3, 4, 7, 0]


def test_a_picture_is_never_larger_than_the_map():
    attention_map = AttentionMap.of(torch.randn(1, 2, 5, 4), torch.randn(1, 2, 7, 4))
    torch.testing.assert_close(attention_map.pooled(512, 512), attention_map.dense())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Pooled(0, 3), "at least 1, not 0 and 3"),
        (lambda: Pooled(3, 3, "median"), "one of mean, max, sum, not 'median'"),
        (lambda: Mass([(2, 2)], [(0, 1)]), r"got \(2, 2\)"),
    ],
)
def test_senseless_settings_are_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_stretches_beyond_the_map_are_refused():
    attention_map = AttentionMap.of(torch.randn(1, 2, 5, 4), torch.randn(1, 2, 7, 4))
    with pytest.raises(ConfigError, match=r"\(0, 8\) goes beyond the 7 keys"):
        attention_map.mass([(0, 5)], [(0, 8)])


@pytest.mark.parametrize("block", [(1, 1), (2, 3), (5, 7), (4, 100), (100, 1)])
@pytest.mark.parametrize("causal", [False, True])
def test_blocks_are_of_one_size_and_hold_the_greatest_weight(block, causal):
    one = AttentionMap.of(torch.randn(2, 4, 11, 8), torch.randn(2, 2, 13, 8), causal=causal)
    actual, dense = one.measure(Blocks(*block))[Blocks(*block)], one.dense()
    for y, rows in enumerate(dense.split(block[0], dim=2)):
        for x, cell in enumerate(rows.split(block[1], dim=3)):
            torch.testing.assert_close(actual[:, :, y, x], cell.amax((2, 3)))
    assert actual.shape == (2, 4, -(-11 // block[0]), -(-13 // block[1]))


def test_a_block_is_not_empty():
    with pytest.raises(ConfigError, match="at least 1 query and 1 key, not 0 and 3"):
        Blocks(0, 3)
