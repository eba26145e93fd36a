"""Numbers that have come before are known, whatever the chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clearhead.corpora.doubles import SeenNumbers

NUMBERS = st.integers(0, 40) | st.integers(2**64 - 9, 2**64 - 1)


@given(st.lists(st.lists(NUMBERS, max_size=9), max_size=9))
def test_it_knows_what_a_set_knows(chunks: list[list[int]]) -> None:
    seen, reference = SeenNumbers(), set[int]()
    for chunk in chunks:
        expected = []
        for number in chunk:
            expected.append(number not in reference)
            reference.add(number)
        assert seen.add(chunk).tolist() == expected
        assert len(seen) == len(reference)


def test_there_are_few_arrays() -> None:
    seen = SeenNumbers()
    for i in range(500):
        assert seen.add([i * 7 % 500]).all()
    assert len(seen) == 500
    assert len(seen._runs) <= 9
