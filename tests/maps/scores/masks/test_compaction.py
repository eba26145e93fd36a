"""Boolean masks in their smallest form, against the masks themselves."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.maps.scores import positions as axis_positions
from clearhead.maps.scores.masks.compaction import (
    checked_shape,
    collapsed,
    compact_rows,
    ranges_of_rows,
)
from tests.maps.scores.masks.run_masks import dense, places


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
