"""Processors and threads of the commands that translate."""

from __future__ import annotations

import os

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def one_blas_thread() -> None:
    """Keep NumPy's BLAS to one thread, unless the environment says otherwise.

    It reads the number when NumPy is imported. Matrix products of some sentences are so small
    that a second thread costs more than it gives; threads are put to use on whole batches.
    """
    for name in _THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
