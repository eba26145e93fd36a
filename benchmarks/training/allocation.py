"""How glibc keeps the memory that a training step frees: as clearhead sets it, or by itself.

clearhead's training tells glibc to keep it (`clearhead.training.processes.memory`). Whoever trains
another system does not, and pays for fresh pages in each step. So the benchmark sets both, each
before the system that has it. By itself glibc raises its thresholds as large blocks are freed, up
to the maximum that `set_allocation` sets (mallopt(3), M_MMAP_THRESHOLD).
"""

from __future__ import annotations

import ctypes

from clearhead.training.processes.memory import keep_memory

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_MOST_MMAP = 32 << 20  # DEFAULT_MMAP_THRESHOLD_MAX on 64 bits; the other is twice as much


def set_allocation(*, keep: bool) -> None:
    """Keep all that is freed, or as much as glibc keeps by itself; elsewhere nothing happens."""
    if keep_memory() and not keep:
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _MOST_MMAP)
        library.mallopt(_TRIM_THRESHOLD, 2 * _MOST_MMAP)
        library.malloc_trim(0)
