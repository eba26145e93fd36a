"""Batches hold every source once, alike lengths together, within the bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.batches import batches


@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 200))
def test_batches(lengths, tokens):
    made = list(batches(lengths, tokens))
    assert sorted(place for batch in made for place in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= tokens
    flat = [lengths[place] for batch in made for place in batch]
    assert flat == sorted(flat, reverse=True)
