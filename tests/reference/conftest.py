"""Whether this machine's BLAS treats every row of a product alike, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def row_independent_blas() -> bool:
    """True for OpenBLAS's AVX-512 kernels and for those without fused multiply-add.

    OpenBLAS's kernels for AVX2 (Haswell, Zen) round the rows of an incomplete tile otherwise
    than those of a complete one; with them, rows agree to rounding alone.
    """
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 256)).astype(np.float32)
    weight = rng.standard_normal((256, 256)).astype(np.float32)
    whole = x @ weight
    return all(np.array_equal(x[:rows] @ weight, whole[:rows]) for rows in range(2, 20))
