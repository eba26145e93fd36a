"""What is taken along an axis: by slices and by vectors of indices."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores import positions as axis_positions
from clearhead.maps.scores.positions import (
    ALL,
    as_slice,
    chunks,
    explicit,
    indices,
    pick,
    take,
    vector,
)

CPU = torch.device("cpu")


def positions(size):
    """A slice with both ends, or a vector in any order."""
    ends = st.lists(st.integers(0, size), min_size=2, max_size=2)
    vector = st.lists(st.integers(0, size - 1), min_size=1, max_size=4).map(torch.tensor)
    return ends.map(lambda both: slice(*sorted(both))) | vector


@given(
    st.lists(st.integers(0, 12), max_size=6) | st.integers(0, 9).map(lambda n: [n, n + 1, n + 2])
)
def test_a_vector_that_counts_up_becomes_a_slice(places):
    part = as_slice(torch.tensor(places, dtype=torch.long))
    counts_up = bool(places) and places == list(range(places[0], places[0] + len(places)))
    assert isinstance(part, slice) == counts_up
    assert torch.arange(15)[part].tolist() == places


@given(st.data())
def test_picking_is_indexing_and_an_axis_of_one_stands_for_all(data):
    x = torch.arange(2 * 5 * 1).reshape(2, 5, 1)
    part = data.draw(positions(5))
    assert torch.equal(pick(x, 1, part), x[:, part])
    assert torch.equal(take(x, 1, part), x[:, part])
    assert take(x, 2, torch.tensor([4, 0])) is x
    assert torch.equal(indices(part, 5, CPU), torch.arange(5)[part])


def test_a_slice_is_picked_without_a_copy():
    x = torch.zeros(3, 4)
    pick(x, 1, slice(1, 3))[:] = 1
    assert x.sum() == 6
    assert pick(x, 0, slice(2, 1)).shape == (0, 4)


def test_slices_get_both_ends():
    assert explicit(ALL, 5) == slice(0, 5)
    assert explicit(slice(-2, 99), 5) == slice(3, 5)
    assert explicit(slice(4, 2), 5) == slice(4, 4)
    assert indices(slice(4, 2), 5, CPU).shape == (0,)
    places = torch.tensor([3, 1])
    assert explicit(places, 5) is places
    assert indices(places, 5, CPU) is places
    assert vector(places, CPU) is places
    assert vector(slice(2, 4), CPU).tolist() == [2, 3]


@given(st.integers(0, 50), st.integers(0, 40))
def test_pieces_follow_one_another_and_are_bounded(rows, width):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(axis_positions, "_CHUNK_ENTRIES", 64)
        parts = list(chunks(rows, width))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(rows))
    sizes = [part.stop - part.start for part in parts]
    assert all(size == 1 or size * width <= 64 for size in sizes)
    # and no smaller than they need be
    assert all((size + 1) * width > 64 for size in sizes[:-1])
