"""Random matrices for the tests of products."""

from __future__ import annotations

from typing import Any

import numpy as np


def draws(*shape: int, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)
