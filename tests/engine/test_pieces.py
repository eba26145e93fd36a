from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.engine.pieces import blocks_of, pieces_of


@given(length=st.integers(0, 500), most=st.integers(1, 80))
def test_pieces_cover_an_axis_evenly(length, most):
    pieces = pieces_of(length, most)
    sizes = [piece.stop - piece.start for piece in pieces]
    assert [index for piece in pieces for index in range(length)[piece]] == list(range(length))
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(pieces) == max(1, -(-length // most))


def test_blocks_are_the_columns_side_by_side():
    matrix = np.arange(24).reshape(2, 12)
    blocks = blocks_of(matrix, 4)
    np.testing.assert_array_equal(blocks[1], matrix[:, 4:8])
    assert blocks.base is not None
