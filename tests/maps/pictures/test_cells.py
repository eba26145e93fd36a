"""The numbers of a picture: those of the map, pooled, without what is masked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.maps.pictures import cells as picture_cells
from clearhead.maps.pictures.cells import cells_of
from tests.maps.pictures.drawing import make_map

ALL = slice(None)


@given(
    query_len=st.integers(1, 30),
    key_len=st.integers(1, 30),
    most=st.integers(1, 12),
    reduce=st.sampled_from(["max", "mean"]),
    tile=st.sampled_from([1, 5, 1024]),
)
@settings(max_examples=25)
def test_cells_are_those_of_pooled(query_len, key_len, most, reduce, tile):
    attention_map = make_map(query_len, 2, key_len)
    before, picture_cells.TILE = picture_cells.TILE, tile
    try:
        cells = cells_of(
            attention_map, 1, [1, 0], quantity="weights", queries=ALL, keys=ALL, most=most,
            reduce=reduce,
        )  # fmt: skip
    finally:
        picture_cells.TILE = before
    expected = attention_map.pooled(most, most, reduce)[1, [1, 0]]
    np.testing.assert_allclose(cells.values, expected, atol=1e-6)
    assert not cells.masked.any()
    assert cells.pooled == (query_len > most or key_len > most)


def test_what_is_masked_does_not_count_in_a_cell():
    attention_map = make_map(8, causal=True)
    cells = cells_of(
        attention_map, 0, [3], quantity="weights", queries=ALL, keys=ALL, most=4, reduce="mean"
    )
    np.testing.assert_array_equal(cells.masked[0], ~np.tri(4, dtype=bool))
    dense = attention_map[0, 3].double()
    # Of the first cell's four links one is masked: 1, w and 1 - w.
    assert cells.values[0, 0, 0] == pytest.approx(2 / 3)
    assert cells.values[0, 3, 1] == pytest.approx(float(dense[6:, 2:4].mean()), abs=1e-6)


def test_scores_and_windows_are_pooled_too():
    attention_map = make_map(40, causal=True)
    cells = cells_of(
        attention_map, 0, [2], quantity="scores", queries=slice(10, 30), keys=slice(5, None),
        most=5, reduce="max",
    )  # fmt: skip
    scores = attention_map.scores[0, 2, 10:30, 5:]
    expected = scores.reshape(5, 4, 5, 7).amax((1, 3)).numpy()
    np.testing.assert_array_equal(cells.masked[0], np.isneginf(expected))
    np.testing.assert_allclose(
        cells.values[0][~cells.masked[0]], expected[expected > -np.inf], 1e-5
    )
    assert (cells.queries, cells.keys) == (range(10, 30), range(5, 40))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantity": "logits"}, "'weights' or 'scores', pooled by reduce 'max' or 'mean'"),
        ({"reduce": "sum"}, "'weights' and 'sum' were asked for"),
        ({"queries": slice(3, 3)}, "queries must be a slice of at least one position"),
        ({"keys": slice(None, None, 2)}, "keys must be a slice of at least one position"),
    ],
)
def test_what_has_no_cells_is_refused(options, words):
    usual = {"quantity": "weights", "queries": ALL, "keys": ALL, "most": 4, "reduce": "max"}
    with pytest.raises(ConfigError) as error:
        cells_of(make_map(), 0, [0], **{**usual, **options})
    assert words in str(error.value)
