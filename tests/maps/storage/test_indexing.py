"""What stands in the brackets, against indexing a dense tensor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.storage.indexing import AXES, selection

CPU = torch.device("cpu")
SHAPE = (2, 3, 5, 7)
DENSE = torch.arange(2 * 3 * 5 * 7).reshape(SHAPE)


def answer(index, dense=DENSE):
    """What a map gives: only the positions are computed, then the rest of the index applies."""
    part = selection(index, dense.shape, CPU)
    tile = dense
    for axis, places in enumerate(part.positions):
        assert places.dtype == torch.int64
        tile = tile.index_select(axis, places)
    return tile[part.within]


def sizes_computed(index, shape=SHAPE):
    return tuple(len(places) for places in selection(index, shape, CPU).positions)


def full(index):
    """An index of all four axes that means the same."""
    index = index if isinstance(index, tuple) else (index,)
    if not any(part is ... for part in index):
        index = (*index, ...)
    where = next(i for i, part in enumerate(index) if part is ...)
    missing = (slice(None),) * (4 - (len(index) - 1))
    return (*index[:where], *missing, *index[where + 1 :])


def truth(index):
    """Slices by NumPy, which knows steps below 0; all else by PyTorch."""
    index = full(index)
    only_slices = tuple(part if isinstance(part, slice) else slice(None) for part in index)
    sliced = torch.from_numpy(DENSE.numpy()[only_slices].copy())
    return sliced[tuple(slice(None) if isinstance(part, slice) else part for part in index)]


def integers(size):
    """In each of the forms that integers come in."""
    forms = st.sampled_from([int, np.int64, np.array, torch.tensor])
    return st.builds(lambda form, i: form(i), forms, st.integers(-size, size - 1))


def slices(size):
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.none() | st.integers(-3, 3).filter(bool)
    return st.builds(slice, bound, bound, step)


@st.composite
def indices(draw, parts):
    """Up to four parts, '...' anywhere among them, or standing for none at all."""
    given_parts = draw(st.integers(0, 4))
    where = draw(st.none() | st.integers(0, given_parts))
    count = given_parts if where is None else where
    axes = [*range(count), *range(4 - (given_parts - count), 4)]
    index = [draw(parts(SHAPE[axis])) for axis in axes]
    if where is not None:
        index.insert(where, ...)
    if len(index) == 1 and draw(st.booleans()):
        return index[0]
    return tuple(index)


@given(indices(lambda size: integers(size) | slices(size)))
def test_integers_slices_and_dots_are_those_of_an_array(index):
    plain = tuple(part if isinstance(part, slice) else int(part) for part in full(index))
    expected = torch.from_numpy(np.array(DENSE.numpy()[plain]))
    actual = answer(index)
    assert actual.shape == expected.shape
    assert torch.equal(actual, expected)


@given(st.data(), st.integers(0, 3), st.integers(1, 3))
def test_lists_go_together_as_those_of_a_tensor(data, n, m):
    """Lists and tensors of one and of two axes, which broadcast, beside integers and slices."""

    def lists(size):
        def values(shape):
            count = int(np.prod(shape))
            flat = st.lists(st.integers(-size, size - 1), min_size=count, max_size=count)
            return flat.map(lambda x: torch.tensor(x, dtype=torch.long).reshape(shape))

        shaped = st.sampled_from([(n,), (1,), (m, 1), (m, n)]).flatmap(values)
        return shaped | shaped.map(lambda x: x.tolist()) | shaped.map(lambda x: x.int())

    index = data.draw(indices(lambda size: lists(size) | slices(size) | st.integers(0, size - 1)))
    expected = truth(
        tuple(torch.tensor(x).long() if isinstance(x, list) else x for x in full(index))
    )
    actual = answer(index)
    assert actual.shape == expected.shape
    assert torch.equal(actual, expected)


@pytest.mark.parametrize(
    ("index", "sizes"),
    [
        ((0, 1, 2, 3), (1, 1, 1, 1)),
        (1, (1, 3, 5, 7)),
        ((..., -1), (2, 3, 5, 1)),
        ((0, slice(None), slice(1, 4, 2)), (1, 3, 2, 7)),
        ((0, ..., slice(None, None, -3)), (1, 3, 5, 3)),
        ((slice(0, 0), 1), (0, 1, 5, 7)),
        ((0, [2, 0], [[1, 1], [4, 0]]), (1, 2, 4, 7)),
        ((0, [], 1), (1, 0, 1, 7)),
        (..., SHAPE),
        ((), SHAPE),
    ],
)
def test_no_more_is_computed_than_was_asked_for(index, sizes):
    assert sizes_computed(index) == sizes


def test_positions_are_never_negative():
    part = selection((-1, [-3, 2], slice(-2, None), slice(None, None, -2)), SHAPE, CPU)
    assert [x.tolist() for x in part.positions] == [[1], [0, 2], [3, 4], [6, 4, 2, 0]]


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("as_list", [False, True])
def test_out_of_range_is_said_with_the_axis_and_its_range(axis, as_list):
    size = SHAPE[axis]
    for wrong in (size, -size - 1, 10**6):
        index = [slice(None)] * 4
        index[axis] = [0, wrong] if as_list else wrong
        with pytest.raises(IndexError) as refusal:
            selection(tuple(index), SHAPE, CPU)
        assert str(refusal.value) == (
            f"Index {wrong} is out of range for the axis {AXES[axis]}, which has {size} entries: "
            f"{-size} to {size - 1}."
        )


@pytest.mark.parametrize(
    "part",
    [
        *(None, True, False, 1.0, 1j, "3", {1}, object()),
        *([0, 1.5], [True, False], [None], [[0], [1, 2]], [1j]),
        *(torch.tensor([1.0]), torch.tensor(True), torch.ones(5).bool(), torch.zeros(0)),
    ],
)
def test_what_is_no_index_is_refused(part):
    words = "The axis queries is indexed by integers, slices, '...' and lists of integers; got"
    with pytest.raises(IndexError) as refusal:
        selection((0, 0, part), SHAPE, CPU)
    assert str(refusal.value) == f"{words} {part!r}."


def test_a_long_index_is_shown_in_short():
    with pytest.raises(IndexError) as refusal:
        selection([0.5] * 100, SHAPE, CPU)
    text = str(refusal.value).partition("; got ")[2]
    assert text == repr([0.5] * 100)[:57] + "...."


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (
            (0, 0, 0, 0, 0),
            "An attention map has four axes (batch, heads, queries, keys); got 5 indices and 0 "
            "times '...' in (0, 0, 0, 0, 0).",
        ),
        (
            (..., 0, ...),
            "An attention map has four axes (batch, heads, queries, keys); got 1 indices and 2 "
            "times '...' in (Ellipsis, 0, Ellipsis).",
        ),
        (
            (0, slice(None, None, 0)),
            "slice(None, None, 0) is not a slice of the axis heads: slice step cannot be zero.",
        ),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(index, words):
    with pytest.raises(IndexError) as refusal:
        selection(index, SHAPE, CPU)
    assert str(refusal.value) == words


def test_a_slice_of_fractions_is_refused():
    with pytest.raises(
        IndexError, match=r"slice\(0.5, 2, None\) is not a slice of the axis batch: "
    ):
        selection(slice(0.5, 2), SHAPE, CPU)


def test_four_parts_and_dots_for_none():
    assert torch.equal(answer((1, ..., 2, 3, 4)), DENSE[1, 2, 3, 4])


@pytest.mark.parametrize("places", [[4, 0], [3], [[1, 2], [0, 0]]])
def test_arrays_are_lists_of_integers(places):
    assert torch.equal(
        answer((0, slice(None), np.array(places))), DENSE[0, :, torch.tensor(places)]
    )
