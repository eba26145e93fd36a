"""The table of links: which rows, which columns, and how large it may become."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError, MissingExtraError
from clearhead.maps import frames
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.frames import to_dataframe

pytest.importorskip("pandas")


def make_map(query_len=5, key_len=5, heads=3, **settings):
    generator = torch.Generator().manual_seed(3)
    query = torch.randn(2, heads, query_len, 8, generator=generator)
    key = torch.randn(2, heads, key_len, 8, generator=generator)
    return AttentionMap.of(query, key, **settings)


def test_a_row_per_link():
    attention_map = make_map(4, 6)
    frame = to_dataframe(attention_map)
    assert list(frame.columns) == ["batch", "head", "query", "key", "weight"]
    places = frame[["batch", "head", "query", "key"]].to_numpy()
    np.testing.assert_array_equal(places, np.argwhere(np.ones((2, 3, 4, 6))))
    expected = attention_map.dense()[tuple(places.T.tolist())]
    np.testing.assert_allclose(frame["weight"], expected, rtol=1e-5)
    np.testing.assert_allclose(frame.groupby(["batch", "head", "query"])["weight"].sum(), 1, 1e-5)


def test_what_the_mask_forbids_has_no_row():
    frame = to_dataframe(make_map(causal=True))
    assert len(frame) == 2 * 3 * 15
    assert (frame["key"] <= frame["query"]).all()


@given(
    heads=st.lists(st.integers(-3, 2), min_size=1, max_size=3, unique_by=lambda h: h % 3),
    batch=st.sampled_from([None, 0, 1, [1], -1]),
    first=st.integers(0, 3),
    count=st.integers(1, 3),
    keys=st.sampled_from([slice(None), slice(1, 4), slice(-2, None)]),
)
@settings(max_examples=25)
def test_a_window_is_a_part_of_the_whole(heads, batch, first, count, keys):
    attention_map = make_map(causal=True)
    whole = to_dataframe(attention_map)
    part = to_dataframe(
        attention_map, batch=batch, heads=heads, queries=slice(first, first + count), keys=keys
    )
    links = whole["head"].isin([h % 3 for h in heads])
    links &= whole["query"].isin(range(first, first + count)) & whole["key"].isin(range(5)[keys])
    if batch is not None:
        links &= whole["batch"].isin([b % 2 for b in np.atleast_1d(batch)])
    expected = whole[links].reset_index(drop=True)
    assert part[["batch", "head", "query", "key"]].equals(
        expected[["batch", "head", "query", "key"]]
    )
    np.testing.assert_allclose(part["weight"], expected["weight"], rtol=1e-6)


def test_work_in_parts_gives_the_same(monkeypatch):
    attention_map = make_map(9, 9, causal=True)
    whole = to_dataframe(attention_map)
    monkeypatch.setattr(frames, "ENTRIES", 60)
    parts = to_dataframe(attention_map)
    assert parts.drop(columns="weight").equals(whole.drop(columns="weight"))
    np.testing.assert_allclose(parts["weight"], whole["weight"], rtol=1e-6)


@pytest.mark.parametrize("queries", [slice(None), slice(2, 4)])
def test_the_largest_alone(queries):
    attention_map = make_map(causal=True)
    actual = to_dataframe(attention_map, topk=2, heads=[2, 0], batch=1, queries=queries)
    whole = to_dataframe(attention_map, heads=[0, 2], batch=1, queries=queries)
    expected = (
        whole.sort_values("weight", ascending=False, kind="stable")
        .groupby(["head", "query"])
        .head(2)
        .sort_values(["head", "query"], kind="stable", ignore_index=True)
    )
    assert actual.drop(columns="weight").equals(expected.drop(columns="weight"))
    np.testing.assert_allclose(actual["weight"], expected["weight"], rtol=1e-5)


def test_tokens_stand_beside_their_positions():
    labels = [["a", "b"], ["c", "d"]]
    frame = to_dataframe(make_map(2, 3, query_labels=labels, key_labels=["x", "y", "z"]))
    assert list(frame.columns) == [
        "batch", "head", "query", "key", "query_token", "key_token", "weight",
    ]  # fmt: skip
    tokens = [labels[b][q] for b, q in zip(frame["batch"], frame["query"], strict=True)]
    assert frame["query_token"].tolist() == tokens
    assert frame["key_token"].tolist() == ["xyz"[k] for k in frame["key"]]


def test_a_table_that_would_be_too_large():
    attention_map = make_map(3000, 3000)
    with pytest.raises(ConfigError) as error:
        to_dataframe(attention_map)
    assert "up to 54,000,000 rows (6 × 3,000 queries × 3,000 keys)" in str(error.value)
    assert "more than the 1,000,000 of most_rows. Ask for topk=8" in str(error.value)
    assert len(to_dataframe(attention_map, topk=3, heads=0, batch=0)) == 9000
    assert len(to_dataframe(make_map(2, 3), most_rows=36)) == 36
    with pytest.raises(ConfigError, match="more than the 35 of most_rows"):
        to_dataframe(make_map(2, 3), most_rows=35)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"heads": 3}, "heads: 3 does not exist; there are 3, 0 to 2"),
        ({"batch": [0, -3]}, "batch: -3 does not exist"),
        ({"queries": slice(5, 9)}, "queries must be a slice of at least one position"),
        ({"keys": slice(0, 4, 2)}, "keys must be a slice of at least one position, in steps of 1"),
        ({"topk": 0}, "at least 1; 0 came"),
        ({"topk": 2, "keys": slice(0, 3)}, "leave out either it or keys"),
    ],
)
def test_what_does_not_exist(settings, words):
    with pytest.raises(ConfigError) as error:
        to_dataframe(make_map(), **settings)
    assert words in str(error.value)


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[frames\]"'):
        to_dataframe(make_map())
