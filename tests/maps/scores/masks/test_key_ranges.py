"""Runs of keys against the dense boolean masks that they stand for."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.maps.scores import positions as axis_positions
from clearhead.maps.scores.masks.key_ranges import (
    DenseMask,
    Hull,
    KeyRanges,
    causal_ranges,
    checked_shape,
    collapsed,
    compact_allowed,
    compact_rows,
    ranges_of_rows,
)
from clearhead.maps.scores.positions import ALL, indices

CPU = torch.device("cpu")


def places(query_len, key_len):
    return torch.arange(query_len)[:, None], torch.arange(key_len)


def dense(allowed, key_len):
    """All of a compact mask."""
    return allowed.tile(ALL, torch.arange(key_len))


@st.composite
def run_masks(draw, query_len=None, key_len=None):
    """Masks that let a query see one run of keys: Bool["batch|1 heads|1 query_len key_len"]."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    query_len = query_len or draw(st.integers(1, 9))
    key_len = key_len or draw(st.integers(1, 9))
    lead = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 3]))
    i, j = places(query_len, key_len)
    kind = draw(st.sampled_from(["causal", "window", "left", "right", "packed", "any", "rows"]))
    shift = int(torch.randint(-3, 6, ()))
    if kind == "causal":
        return (j <= i + shift).expand(*lead, -1, -1)
    if kind == "window":
        return ((j <= i + shift) & (j > i + shift - 3)).expand(*lead, -1, -1)
    if kind == "packed":
        documents = (torch.rand(*lead, query_len + key_len) < 0.4).cumsum(-1)
        return documents[..., :query_len, None] == documents[..., None, :key_len]
    if kind == "rows":  # some queries see everything, the others nothing
        return (torch.rand(*lead, query_len, 1) < 0.5).expand(-1, -1, -1, key_len)
    rows = query_len if kind == "any" else 1
    start, end = torch.randint(0, key_len + 1, (2, *lead, rows, 1))
    if kind == "left":
        end = torch.tensor(key_len)
    if kind == "right":
        start = torch.tensor(0)
    return ((j >= start) & (j < end)).expand(*lead, query_len, -1)


def of_mask(mask):
    actual = compact_allowed(collapsed(mask), *mask.shape[-2:])
    assert isinstance(actual, KeyRanges)
    return actual


def positions(size):
    """A slice with both ends, or a vector in any order."""
    ends = st.lists(st.integers(0, size), min_size=2, max_size=2)
    vector = st.lists(st.integers(0, size - 1), min_size=1, max_size=4).map(torch.tensor)
    return ends.map(lambda both: slice(*sorted(both))) | vector


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


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=4))
def test_a_row_of_two_runs_is_found_out(rows):
    """Against counting them one by one."""
    runs = [[(bit, len(list(run))) for bit, run in groupby(row)] for row in rows]
    actual = ranges_of_rows(torch.tensor(rows))
    if any(sum(bit for bit, _ in row) > 1 for row in runs):
        assert actual is None
        return
    assert actual is not None
    for row, start, end in zip(rows, *(x.tolist() for x in actual), strict=True):
        assert [start <= j < end for j in range(6)] == row
        assert any(row) or (start, end) == (0, 0)


@pytest.mark.parametrize("hole", [None, 0, 10, 11, 20])
def test_a_mask_is_looked_at_in_pieces_and_all_of_them(monkeypatch, hole):
    monkeypatch.setattr(axis_positions, "_CHUNK_ENTRIES", 2 * 9)
    i, j = places(21, 9)
    mask = (j <= i)[None, None].clone()
    if hole is not None:
        mask[..., hole, 0], mask[..., hole, 8] = hole == 0, True
        mask[..., hole, 4] = False
    requests = []

    def rows_of(part):
        requests.append(part)
        return mask[:, :, part]

    actual = compact_rows(rows_of, 21, 9, 9)
    assert (actual is None) == (hole is not None)
    assert all(part.stop - part.start <= 2 for part in requests)
    if actual is not None:
        assert torch.equal(dense(actual, 9), mask)


@given(run_masks(5, 7), run_masks(5, 7), st.integers(0, 10**6), st.data())
def test_a_mask_with_holes_within_ranges_is_all_three(one, other, seed, data):
    torch.manual_seed(seed)
    shape = [data.draw(st.sampled_from([1, size])) for size in (2, 3, 5)]
    holes = torch.rand(*shape, 7) < 0.6
    masks = DenseMask(holes), DenseMask(holes).intersect(of_mask(one))
    masks = (*masks, masks[1].intersect(of_mask(other)))
    for actual, expected in zip(
        masks, (holes, holes & one, holes & one & other.expand(2, 3, -1, -1)), strict=True
    ):
        expected = expected.expand(2, 3, 5, 7)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(axis_positions, "_CHUNK_ENTRIES", 30)
            assert torch.equal(actual.sees().expand(2, 3, 5), expected.any(-1))
        batch, heads, rows, columns = (data.draw(positions(size)) for size in (2, 3, 5, 7))
        columns = indices(columns, 7, CPU)
        part = expected[batch][:, heads][:, :, rows][..., columns]
        assert torch.equal(actual.tile(rows, columns, batch, heads).expand_as(part), part)


def test_words_and_memory_of_each_kind():
    i, j = places(4, 6)
    causal, padding = of_mask((j <= i + 2)[None, None]), of_mask((j >= 2).expand(1, 1, 4, 6))
    packed = of_mask((i // 2 == j // 2)[None, None])
    assert causal.describe() == "causal mask"
    assert padding.describe() == "padding mask"
    assert packed.describe() == "mask of one run of keys per query"
    assert packed.nbytes == 2 * 4 * 4
    holes = DenseMask(torch.tensor([[[[True, False, True, True, False, True]]]]))
    assert holes.describe() == "mask [1, 1, 1, 6]"
    assert holes.intersect(causal).describe() == "mask [1, 1, 1, 6] in ranges"
    assert (holes.nbytes, holes.intersect(packed).nbytes) == (6, 6 + 32)
    on_device = holes.intersect(packed).to("cpu")
    assert torch.equal(dense(on_device, 6)[0, 0], dense(holes, 6)[0, 0] & (i // 2 == j // 2))


# Shapes


@given(st.sets(st.integers(0, 3)), st.integers(0, 3))
def test_axes_that_were_expanded_are_one_wide_again(expanded, dropped):
    sizes = (2, 3, 4, 5)
    narrow = tuple(1 if axis in expanded else size for axis, size in enumerate(sizes))
    x = torch.randn(narrow[dropped:]).expand(sizes[dropped:])
    actual = collapsed(x)
    assert actual.shape == (1,) * dropped + narrow[dropped:]
    assert torch.equal(actual.expand((1,) * dropped + sizes[dropped:])[(0,) * dropped], x)
    assert torch.equal(checked_shape(x, "mask", sizes), actual)


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (3,), (2, 1, 5), (3, 3, 4, 5), (1, 2, 3, 4, 5)])
def test_what_does_not_broadcast_is_refused(shape):
    with pytest.raises(ShapeError) as refusal:
        checked_shape(torch.zeros(shape), "mask", (2, 3, 4, 5))
    assert str(refusal.value) == (
        f"A mask of shape {shape} does not broadcast to the scores (2, 3, 4, 5): its axes are, "
        "from the last, key_len, query_len, heads, batch."
    )


def test_a_checked_bias_leaves_the_graph():
    bias = torch.zeros(4, 5, requires_grad=True)
    assert not checked_shape(bias, "bias", (2, 3, 4, 5)).requires_grad
