"""Positions as users name them, in stretches of a text that begin anywhere."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.interventions.positions import Positions


@given(st.integers(0, 9), st.integers(1, 9), st.data())
def test_a_stretch_has_the_positions_that_a_list_has(first, length, data):
    stretch = list(range(20))[first : first + length]
    start, end = data.draw(st.integers(0, 12)), data.draw(st.none() | st.integers(0, 25))
    places = data.draw(st.lists(st.integers(0, 25), min_size=1))
    for choice, chosen in (
        (slice(start, end), range(20)[start:end]),
        (places, places),
        (torch.tensor(places), places),
        (range(start, start + 3), range(start, start + 3)),
        (start, [start]),
        (slice(start, 20, 3), range(start, 20, 3)),
        (None, range(20)),
    ):
        if choice == slice(start, 20, 3) and start >= 20:
            continue
        rows = Positions.of(choice).within(first, length)
        rows = list(range(length)) if rows is None else rows
        assert [stretch[row] for row in rows] == [one for one in stretch if one in chosen]


def test_what_names_no_position():
    with pytest.raises(ConfigError, match=r"so none can be negative; got \[-1\]"):
        Positions.of(-1)
    with pytest.raises(ConfigError, match=r"none can be negative; got \[0, -2\]"):
        Positions.of(slice(None, -2))
    with pytest.raises(ConfigError, match="queries are empty"):
        Positions.of([], "queries")
    with pytest.raises(ConfigError, match="a number, a slice, or several numbers; got str"):
        Positions.of("3")
    with pytest.raises(ConfigError, match="whole numbers; got"):
        Positions.of([1.5])
    with pytest.raises(ConfigError, match="with a step need an end"):
        Positions.of(slice(0, None, 2))


def test_masks_and_words():
    assert Positions.of(torch.tensor([False, True, True])).places == (1, 2)
    assert str(Positions.of([3, 1, 3])) == "1, 3"
    assert str(Positions.of(slice(2, None))) == "2:"
    assert str(Positions()) == "all"
    assert Positions().is_all
