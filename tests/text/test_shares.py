"""Positions follow from texts alone and are spread evenly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clearhead.text.shares import number_of, position_of

TEXTS = st.text(alphabet=st.characters(exclude_characters="\0"), max_size=8)


@given(TEXTS, TEXTS)
def test_a_position_follows_from_the_texts(first: str, second: str) -> None:
    position = position_of(first, second)
    assert 0 <= position < 1
    assert position == position_of(first, second)
    assert first == second or position != position_of(second, first)


def test_positions_are_spread_evenly() -> None:
    positions = [position_of("7", str(i)) for i in range(4000)]
    for tenth in range(10):
        share = sum(tenth <= 10 * position < tenth + 1 for position in positions) / 4000
        assert 0.08 < share < 0.12


def test_a_number_is_the_same_on_every_machine() -> None:
    assert number_of("") == 0xE4A6A0577479B2B4
