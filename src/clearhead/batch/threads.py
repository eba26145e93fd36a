"""Limits a worker to one thread: a cluster runs one process on each core."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limit the numerical libraries of this process to one thread within the ``with`` block.

    The readable engine's products are so small that no library splits them among threads; the limit
    is for models in other formats and for other engines. Loaded libraries are limited through
    threadpoolctl, if it is installed, and PyTorch through its own function. Libraries loaded in the
    block read the environment variables.
    """
    before = {name: os.environ.get(name) for name in _VARIABLES}
    torch: Any = sys.modules.get("torch")
    torch_threads = None if torch is None else torch.get_num_threads()
    with contextlib.ExitStack() as stack:
        if importlib.util.find_spec("threadpoolctl") is not None:
            from threadpoolctl import threadpool_limits

            stack.enter_context(threadpool_limits(1))
        try:
            os.environ.update(dict.fromkeys(_VARIABLES, "1"))
            if torch is not None:
                torch.set_num_threads(1)
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(torch_threads)
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
