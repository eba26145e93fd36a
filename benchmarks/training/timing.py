"""Interleaved timings, and the rows, ratios and tables made of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from clearhead.text.batches import Batch

from .allocation import set_allocation
from .systems import OURS, System

HEADER = ["system", "precision", "threads", "target tokens/s", "GFLOP/s", "of ceiling"]


def seconds_of(step: System, batches: Sequence[Batch]) -> float:
    """Return the wall time of one step on each batch."""
    start = time.perf_counter()
    for batch in batches:
        step(batch)
    return time.perf_counter() - start


def best_variant(steps: Sequence[System], batches: Sequence[Batch]) -> System:
    """Choose the fastest of all variants, after a warm-up."""
    for step in steps:
        step(batches[0])
    if len(steps) == 1:
        return steps[0]
    return min(steps, key=lambda step: min(seconds_of(step, batches[:1]) for _ in range(2)))


def measure(
    steps: dict[str, System],
    batches: Sequence[Batch],
    seconds: float,
    least: int,
    *,
    keep: bool = False,
) -> dict[str, float]:
    """Return median seconds over all batches, by system, in interleaved rounds.

    Args:
        steps: by system.
        batches: each is a step.
        seconds: that the rounds take together, at least.
        least: rounds.
        keep: whether glibc keeps freed memory for all systems, and not for clearhead alone.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[OURS]) < least:
        for name, step in steps.items():
            set_allocation(keep=keep or name == OURS)
            step(batches[0])  # the heap has what a step needs
            times[name].append(seconds_of(step, batches))
    set_allocation(keep=True)
    return {name: statistics.median(values) for name, values in times.items()}


def rows_of(
    kind: str,
    precision: str,
    threads: int,
    ceiling: float,
    times: dict[str, float],
    tokens: int,
    flops: float,
) -> list[dict[str, Any]]:
    """Return a row for each system from its seconds."""
    return [
        {
            "batch": kind,
            "precision": precision,
            "threads": threads,
            "system": name,
            "tokens_per_second": tokens / seconds,
            "gflops": flops / seconds / 1e9,
            "ceiling_gflops": ceiling / 1e9,
            "share_of_ceiling": flops / seconds / ceiling,
        }
        for name, seconds in times.items()
    ]


def ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return our best speed over threads to each other system's best."""
    best: dict[tuple[str, str, str], float] = {}
    for row in rows:
        key = (row["batch"], row["precision"], row["system"])
        best[key] = max(best.get(key, 0.0), row["tokens_per_second"])
    return [
        {
            "batch": batch,
            "precision": precision,
            "against": system,
            "ratio": best[batch, precision, OURS] / speed,
        }
        for (batch, precision, system), speed in best.items()
        if system != OURS
    ]


def table_of(title: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a table of rows."""
    return {
        "title": title,
        "header": HEADER,
        "rows": [
            [
                row["system"],
                row["precision"],
                str(row["threads"]),
                f"{row['tokens_per_second']:,.0f}",
                f"{row['gflops']:,.0f}",
                f"{row['share_of_ceiling']:.0%} of {row['ceiling_gflops']:,.0f}",
            ]
            for row in rows
        ],
    }
