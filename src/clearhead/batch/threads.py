"""One thread for each worker: a cluster gives work to processes, and each keeps to its core."""

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
    """Keep the numerical libraries of this process to one thread while the block runs.

    The readable engine keeps each product so small that no library divides it; this is for models
    of others and for other engines. Libraries that are loaded already are asked through
    threadpoolctl, where it is installed, and PyTorch by its own function; those that are loaded in
    the block read the environment.
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
