"""Runs of keys against the dense boolean masks that they stand for."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores.masks.key_ranges import Hull, KeyRanges, causal_ranges
from tests.maps.scores.masks.run_masks import dense, of_mask, places, positions, run_masks

CPU = torch.device("cpu")


@given(run_masks())
def test_a_mask_of_runs_is_two_numbers_per_query_and_exact(mask):
    batch, heads, query_len, key_len = mask.shape
    actual = of_mask(mask)
    assert actual.start.dtype == actual.end.dtype == torch.int32
    assert actual.start.shape[-1] == actual.end.shape[-1] == query_len
    assert actual.nbytes <= 8 * batch * heads * query_len
    assert torch.equal(dense(actual, key_len).expand_as(mask), mask)
    assert torch.equal(actual.sees().expand(mask.shape[:3]), mask.any(-1))
    assert torch.equal(dense(actual.to("cpu"), key_len), dense(actual, key_len))


@given(run_masks(), st.data())
def test_a_tile_and_its_hull_are_those_of_the_mask(mask, data):
    actual = of_mask(mask)
    batch, heads, rows = (data.draw(positions(size)) for size in mask.shape[:3])
    columns = torch.tensor(data.draw(st.lists(st.integers(0, mask.shape[3] - 1))), dtype=torch.long)
    part = mask[batch][:, heads][:, :, rows]
    tile = actual.tile(rows, columns, batch, heads)
    expected = part[..., columns]
    assert torch.equal(tile.expand_as(expected), expected)

    hull = actual.hull(rows, batch, heads)
    if not part.numel():
        return
    some, every = part.flatten(0, 2).any(0), part.flatten(0, 2).all(0)
    if bool(some.any()):
        seen = some.nonzero()
        assert (hull.first, hull.end) == (int(seen[0]), int(seen[-1]) + 1)
    else:
        assert hull.end <= hull.first
    inner = every.nonzero().flatten().tolist()
    assert inner == list(range(hull.inner_first, hull.inner_end))


def test_a_hull_is_what_some_may_see_and_what_all_may():
    start, end = torch.tensor([[[2, 0, 3, 1]]]).int(), torch.tensor([[[7, 5, 9, 8]]]).int()
    ranges = KeyRanges(start, end)
    assert ranges.hull() == Hull(0, 3, 5, 9)
    assert ranges.hull(slice(2, 4)) == Hull(1, 3, 8, 9)
    assert ranges.hull(torch.tensor([3, 0])) == Hull(1, 2, 7, 8)


def test_of_no_queries_there_is_no_hull():
    ranges = KeyRanges(torch.zeros(1, 1, 4).int(), torch.full((1, 1, 4), 3).int())
    assert ranges.hull(slice(2, 2)) == Hull(0, 0, 0, 0)
    assert ranges.hull() == Hull(0, 0, 3, 3)


def test_a_query_that_sees_nothing_leaves_the_hull_of_the_others_as_it_is():
    start, end = torch.tensor([[[5, 0, 4]], [[5, 0, 4]]]).int(), torch.tensor([[[9, 0, 7]]]).int()
    hull = KeyRanges(start, end).hull()
    assert (hull.first, hull.end) == (4, 9)
    assert hull.inner_end <= hull.inner_first


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_what_two_masks_allow_is_what_both_allow(query_len, key_len, data):
    one, other = (data.draw(run_masks(query_len, key_len)) for _ in range(2))
    expected = one & other
    actual = of_mask(one).intersect(of_mask(other))
    assert torch.equal(dense(actual, key_len).expand_as(expected), expected)
    assert torch.equal(actual.sees().expand(expected.shape[:3]), expected.any(-1))


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.booleans(),
    st.integers(-12, 12),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
)
def test_causal_masks_and_windows_are_their_definition(
    query_len, key_len, causal, offset, before, after
):
    i, j = places(query_len, key_len)
    expected = torch.ones(query_len, key_len, dtype=torch.bool)
    if causal:
        expected &= j <= i + offset
    if before is not None:
        expected &= i + offset - j <= before
    if after is not None:
        expected &= j - (i + offset) <= after
    actual = causal_ranges(
        query_len, key_len, causal=causal, offset=offset, window=(before, after), device=CPU
    )
    assert actual.start.shape == actual.end.shape == (1, 1, query_len)
    assert actual.start.dtype == torch.int32
    assert torch.equal(dense(actual, key_len)[0, 0], expected)
    assert torch.equal(actual.sees()[0, 0], expected.any(-1))


def test_words_and_memory_of_each_kind():
    i, j = places(4, 6)
    causal, padding = of_mask((j <= i + 2)[None, None]), of_mask((j >= 2).expand(1, 1, 4, 6))
    packed = of_mask((i // 2 == j // 2)[None, None])
    assert causal.describe() == "causal mask"
    assert padding.describe() == "padding mask"
    assert packed.describe() == "mask of one run of keys per query"
    assert packed.nbytes == 2 * 4 * 4
