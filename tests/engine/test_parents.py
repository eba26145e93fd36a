from __future__ import annotations

import numpy as np
import pytest

from clearhead.engine.parents import check_parents, goes_on
from clearhead.errors import ShapeError
from tests.engine.engines import engine_of


def test_lists_become_arrays():
    tokens, parents = check_parents([5, 6], [1, 0], rows=2)
    np.testing.assert_array_equal(tokens, [5, 6])
    np.testing.assert_array_equal(parents, [1, 0])


@pytest.mark.parametrize("encoder_layers", [0, 2])
def test_a_step_that_does_not_fit_the_one_before_is_refused(encoder_layers):
    decoding = engine_of(encoder_layers=encoder_layers).begin([[5]])
    with pytest.raises(ShapeError, match=r"between 0 and 0; they are \[1\]"):
        decoding.advance(np.array([1]), np.array([1]))
    with pytest.raises(ShapeError, match="one token and one parent"):
        decoding.advance(np.array([1, 2]), np.array([0]))
    for _ in range(24 - (not encoder_layers)):
        decoding.advance(np.array([1]), np.array([0]))
    with pytest.raises(ShapeError, match="target of 25 tokens is longer"):
        decoding.advance(np.array([1]), np.array([0]))


@pytest.mark.parametrize(
    ("parents", "rows", "expected"),
    [
        ([0, 1, 2], 3, True),
        ([0, 1], 3, False),
        ([1, 0], 2, False),
        ([0, 0], 2, False),
        ([], 0, True),
    ],
)
def test_rows_go_on_from_themselves_or_not(parents, rows, expected):
    assert goes_on(np.array(parents, np.int64), rows) is expected
