"""How the processors are shared out among batches, chosen by measuring."""

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
    """Who translates at once.

    Attributes:
        workers: batches that are translated at once.
        threads: of each worker.
        batch_tokens: source tokens of a batch, padding counted.
    """

    workers: int
    threads: int = 1
    batch_tokens: int = 1024

    def __str__(self) -> str:
        return f"{self.workers} x {self.threads} threads, {self.batch_tokens} tokens a batch"


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def candidates(count: int) -> Iterator[Layout]:
    """Yield the layouts to compare for so many processors, the likeliest first.

    One thread for each worker mostly wins, since the products of a batch are small; two and all
    threads for a worker are compared because a large model's are not.
    """
    for threads in dict.fromkeys((1, 2, count)):
        if threads <= count:
            yield from (Layout(count // threads, threads, size) for size in _SIZES)


def fastest(
    count: int, run: Callable[[Layout], Callable[[], object]], *, give_up: float = 2.0
) -> Layout:
    """Return the fastest layout for so many processors.

    First the ways to share out the processors are compared at one size of batches, then the sizes.
    Each is timed twice, and the better time counts; one that takes more than ``give_up`` times
    the best so far is not timed again.

    Args:
        count: processors.
        run: makes a layout ready and returns what is timed.
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
    """Return the layout that was measured for a key before; None where there is none."""
    content = _read(folder).get(key)
    try:
        return Layout(**{name: int(value) for name, value in content.items()}) if content else None
    except (AttributeError, TypeError, ValueError):
        return None  # of another version: measure again


def store_layout(folder: Path, key: str, layout: Layout) -> None:
    """Keep a layout beside a model, whatever else is kept there."""
    write_whole(folder / FILE, json.dumps({**_read(folder), key: asdict(layout)}, indent=1) + "\n")


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / FILE)
    except FileProblem:
        return {}
    return content if isinstance(content, dict) else {}
