"""How fast this machine reads memory: what a step of decoding at batch 1 cannot be faster than."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def read_speed(threads: int, *, size: int = 1 << 28, rounds: int = 5) -> float:
    """Return the fastest of repeated sums of one float32 array, in bytes a second.

    Args:
        threads: how many sum, each a part of its own.
        size: bytes of the array, more than the caches hold.
        rounds: how often.
    """
    parts = np.split(np.ones(size // 4, np.float32), threads)
    fastest = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            start = time.perf_counter()
            list(pool.map(np.add.reduce, parts))
            fastest = min(fastest, time.perf_counter() - start)
    return size / fastest
