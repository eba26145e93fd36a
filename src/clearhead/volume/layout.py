"""Distributes the processors among batches, by measuring."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..file_reading import FileProblem, read_json
from ..files import write_whole

FILE = "layouts.json"
_SIZES = (512, 1024, 2048)


@dataclass(frozen=True)
class Layout:
    """The distribution of processors among batches.

    Attributes:
        workers: the number of batches translated at once.
        threads: the number of threads of each worker.
        batch_tokens: source tokens of a batch, including padding.
    """

    workers: int
    threads: int = 1
    batch_tokens: int = 1024

    def __str__(self) -> str:
        return f"{self.workers} x {self.threads} threads, {self.batch_tokens} tokens a batch"


def processors() -> int:
    """Return the number of processors available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def candidates(count: int) -> Iterator[Layout]:
    """Yield the layouts to compare for a number of processors, the most promising first.

    One thread for each worker is mostly the fastest, since the products of a batch are small. Two
    threads and all threads for a worker are compared because a large model's products are not.
    """
    for threads in dict.fromkeys((1, 2, count)):
        if threads <= count:
            yield from (Layout(count // threads, threads, size) for size in _SIZES)


def fastest(
    count: int, run: Callable[[Layout], Callable[[], object]], *, give_up: float = 2.0
) -> Layout:
    """Return the fastest layout for a number of processors.

    First, distributions of the processors are compared at one batch size, then batch sizes. Each
    layout is timed twice, and the better time counts; one that takes more than ``give_up`` times
    the best so far is not timed again.

    Args:
        count: the number of processors.
        run: prepares a layout, and returns the function to time.
        give_up: a ratio of times.
    """
    times: dict[Layout, float] = {}

    def measure(layout: Layout) -> None:
        work = run(layout)
        for _ in range(2):
            start = time.perf_counter()
            work()
            seconds = time.perf_counter() - start
            times[layout] = min(times.get(layout, seconds), seconds)
            if seconds > give_up * min(times.values()):
                break

    layouts = list(candidates(count))
    for layout in layouts:
        if layout.batch_tokens == Layout(1).batch_tokens:
            measure(layout)
    best = min(times, key=lambda layout: times[layout])
    for layout in layouts:
        if layout not in times and layout.threads == best.threads:
            measure(layout)
    return min(times, key=lambda layout: times[layout])


def stored_layout(folder: Path, key: str) -> Layout | None:
    """Return the layout measured earlier for a key; None if there is none."""
    content = _read(folder).get(key)
    try:
        return Layout(**{name: int(value) for name, value in content.items()}) if content else None
    except (AttributeError, TypeError, ValueError):
        return None  # stored by another version, so measure again


def store_layout(folder: Path, key: str, layout: Layout) -> None:
    """Store a layout beside a model, and keep those of other keys."""
    write_whole(folder / FILE, json.dumps({**_read(folder), key: asdict(layout)}, indent=1) + "\n")


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / FILE)
    except FileProblem:
        return {}
    return content if isinstance(content, dict) else {}
