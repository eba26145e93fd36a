"""What every test shares: one thread, checked shapes, repeatable hypothesis runs, and skipping."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Generator

# Before NumPy or PyTorch start their threads: on small arrays a second one mostly waits. With two,
# beside other work on two cores, tests/nn took more than twice as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import HealthCheck, settings

from tests import shape_checks

# Images of containers often turn bytecode off. Every worker, and every command that a test starts,
# would compile clearhead anew: with it, collecting the tests takes half the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

shape_checks.install(
    "clearhead.nn",
    "clearhead.maps",
    "clearhead.attribution",
    "clearhead.reference",
    "clearhead.engine",
    "clearhead.generation",
    "clearhead.tasks",
)

# derandomize: the same examples on every machine, so that a failure is everyone's failure.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What the collection makes stays: looked through again and again by the collector of cycles it
    costs a tenth of the collection, and half a second each time that a test fills memory."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--heavy", action="store_true", help="run also the tests marked heavy")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with its reason, what this machine or this run is not made for; slow files first.

    Files are shared among processes in this order: a long one that is begun last would keep one
    process busy while the others have nothing left.
    """
    slow = {item.path for item in items if "slow" in item.keywords}
    items.sort(key=lambda item: item.path not in slow)
    marked_gpu = [item for item in items if "gpu" in item.keywords]
    if marked_gpu and not _has_gpu():
        for item in marked_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device; this machine has none"))
    if not config.getoption("--heavy"):
        for item in items:
            if "heavy" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="heavy; run it with --heavy"))


def _has_gpu() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
