from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference.padding import lengths_of, pad, truncate

SEQUENCES = st.lists(st.lists(st.integers(1, 9), max_size=6), max_size=5)


@given(SEQUENCES, st.integers(0, 3))
def test_padding_keeps_every_token(sequences, extra):
    length = max(map(len, sequences), default=0) + extra
    ids = pad(sequences, 0, length=length)
    assert ids.shape == (len(sequences), length)
    assert lengths_of(ids, 0).tolist() == [len(s) for s in sequences]
    assert [row[: len(s)].tolist() for row, s in zip(ids, sequences, strict=True)] == sequences


def test_nothing_is_cut_silently():
    with pytest.raises(ShapeError, match="Sequence 1 has 3 tokens and does not fit in 2"):
        pad([[1], [1, 2, 3]], 0, length=2)


@given(SEQUENCES, st.integers(1, 6))
def test_truncation_keeps_the_end_token(sequences, most):
    ended = [[*s, 99] for s in sequences]
    for short, whole in zip(truncate(ended, most, keep_last=1), ended, strict=True):
        assert len(short) == min(most, len(whole))
        assert short[-1] == 99
        assert short[:-1] == whole[: len(short) - 1]


def test_truncation_by_hand():
    assert truncate([[1, 2, 3, 4], [5]], 2) == [[1, 2], [5]]
    with pytest.raises(ShapeError, match=r"between 0 and max_length \(2\); it is 3"):
        truncate([[1]], 2, keep_last=3)


def test_a_pad_token_inside_is_no_end():
    assert lengths_of(np.array([[5, 0, 6, 0], [0, 0, 0, 0]]), 0).tolist() == [3, 0]
