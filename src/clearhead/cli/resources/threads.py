"""Processors and threads for the commands that translate."""

from __future__ import annotations

import os

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def one_blas_thread() -> None:
    """Limit NumPy's BLAS to one thread, unless the environment says otherwise.

    BLAS reads the number when NumPy is imported. The matrix products of a few sentences are so
    small that a second thread costs more than it gains; threads are used for whole batches instead.
    """
    for name in _THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def processors() -> int:
    """Return the number of processors available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
