from __future__ import annotations

import numpy as np
import pytest

from clearhead.engine.products import method
from clearhead.engine.tiles import Tiles
from tests.engine.matrices import draws


@pytest.mark.skipif(method() != "tiles", reason="tiles do not keep rows apart with this library")
@pytest.mark.parametrize("rows", [2, 15, 16, 31, 46, 70])
def test_the_height_of_tiles_changes_no_bit(rows):
    x, matrix = draws(rows, 1, 300), draws(300, 128, seed=1)
    high, low = Tiles(matrix), Tiles(matrix)
    high._rows, low._rows = Tiles.ROWS
    np.testing.assert_array_equal(high(x), low(x))
