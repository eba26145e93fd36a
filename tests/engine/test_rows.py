from __future__ import annotations

import numpy as np

from clearhead.engine.rows import Rows
from tests.engine.matrices import draws


def test_no_call_is_large_enough_to_be_divided_among_threads(monkeypatch):
    """OpenBLAS divides products of more than 262,144 multiplications and matrices of 9,216."""
    calls = []

    def count_call(a, b, *, out=None):
        rows, inner = a.shape[-2:]
        calls.append((rows, inner, b.shape[-1]))
        result = np.einsum("...ij,...jk->...ik", a, b)
        if out is not None:
            out[...] = result
        return result

    products = {shape: Rows(draws(*shape)) for shape in [(256, 256), (1024, 64), (3000, 64)]}
    monkeypatch.setattr("clearhead.engine.rows.np.matmul", count_call)
    for (inner, _), product in products.items():
        product._undivided = False
        for batch, length in [(1, 1), (6, 1), (2, 9), (2, 30), (1, 64), (1, 200)]:
            product(draws(batch, length, inner))
    assert len(calls) > 30
    for rows, inner, columns in calls:
        if columns == 1 or rows == 1:
            assert max(rows, columns) * inner < 9_216
        else:
            assert rows * inner * columns <= 262_144
