"""What stands in brackets, and no more, is computed: weights, scores and contributions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.maps import AttentionMap
from clearhead.maps.map_view import MapView
from clearhead.maps.storage import stored_attention
from tests.maps.dense import assert_near, cases, random_case


def index_parts(size: int) -> st.SearchStrategy:
    integers = st.integers(-size, size - 1)
    bound = st.none() | st.integers(-size - 2, size + 2)
    return integers | st.slices(size) | st.builds(slice, bound, bound, st.integers(1, 3))


@given(cases(), st.data())
def test_indexing_is_that_of_an_array(case, data):
    truth = case.weights()
    index = tuple(data.draw(index_parts(size)) for size in truth.shape)
    index = index[: data.draw(st.integers(1, 4))]
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(index)))
        index = (*index[:place], ..., *index[place + 1 :])
    expected = torch.from_numpy(np.array(truth.numpy()[index]))
    actual = case.map[index]
    assert actual.shape == expected.shape
    assert_near(actual, expected, case)


@pytest.mark.parametrize(
    "index",
    [
        (0, 3, [5, 2, 2, -1]),
        (0, slice(None), [1, 3], [4, 5]),
        ([1, 0], [0, 3], 4),
        (slice(None), [0, 2], slice(3, 9, 2), torch.tensor([[1, 2], [3, 4]])),
        (1, 2, [], 3),
        (slice(1, 2), [0, 0], slice(0, 4, 2), [-1, -1]),
        (1, 2, slice(7, 7)),
    ],
)
def test_lists_of_integers_go_together_as_in_pytorch(index):
    case = random_case(causal=True)
    expected = case.weights()[index]
    actual = case.map[index]
    assert actual.shape == expected.shape
    assert_near(actual, expected, case)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((0, 4), r"Index 4 is out of range for the axis heads, which has 4 entries: -4 to 3"),
        ((0, 0, [1, -31]), r"Index -31 is out of range for the axis queries"),
        ((0, 0, 0, 0, 0), r"four axes \(batch, heads, queries, keys\); got 5 indices"),
        ((..., ...), r"2 times '...'"),
        ((0, 1.5), r"The axis heads is indexed by integers, slices, .* got 1.5"),
        ((0, [True, False]), r"The axis heads is indexed by integers"),
        ((0, "1"), r"got '1'"),
        ((slice("a", None),), r"not a slice of the axis batch"),
    ],
)
def test_what_is_no_index_is_refused(index, words):
    with pytest.raises(IndexError, match=words):
        random_case().map[index]


def test_only_the_tile_asked_for_is_computed(monkeypatch):
    attention_map = random_case((1, 2, 400, 400)).map

    def no_pass(*_, **__):
        raise AssertionError("the whole map was gone through")

    monkeypatch.setattr(stored_attention.TilePass, "run", no_pass)
    assert attention_map[0, 1, 17, 3].shape == ()
    assert attention_map[0, :, 100:110].shape == (2, 10, 400)
    assert attention_map.scores[:, :, :, 7].shape == (1, 2, 400)


def test_contributions_are_weights_times_the_norms_of_values():
    case = random_case()
    norms = case.value.double().norm(dim=-1).repeat_interleave(2, 1)
    assert_near(
        case.map.contributions[1, :, 3:5], (case.weights() * norms[:, :, None])[1, :, 3:5], case
    )
    without_values = AttentionMap.of(case.query, case.key)
    with pytest.raises(ConfigError, match="kept no values: record with values=True"):
        without_values.contributions[0]
    with pytest.raises(ConfigError, match="kept no values"):
        without_values.topk(3, by="contribution")


def test_an_axis_of_one_is_indexed_as_any_other():
    case = random_case((1, 2, 1, 1))
    weights = case.weights()
    for index in ((0, 0, 0, [0, 0]), (slice(0, 0), 1), (0, [1, 1], [0, 0])):
        assert case.map[index].shape == weights[index].shape


def test_it_says_what_it_is_and_of_which_map():
    view = MapView(random_case((1, 2, 3, 5)).map, "scores")
    assert view.shape == (1, 2, 3, 5)
    assert repr(view).startswith("<scores of AttentionMap(1 x 2 heads")
    assert repr(view).endswith("; index it, as in [0, 3, 100:110]>")


@pytest.mark.parametrize("options", [{}, {"sinks": torch.randn(4)}, {"mask": torch.eye(30).bool()}])
def test_few_rows_and_many_rows_are_computed_alike(options):
    """Few come from their own softmax, many by way of the denominators of all."""
    case = random_case(**options)
    few = case.map.contributions[:, :, [3, 29], 5:9]
    many = case.map.contributions[..., 5:9]
    torch.testing.assert_close(few, many[:, :, [3, 29]], rtol=0, atol=2e-6)
