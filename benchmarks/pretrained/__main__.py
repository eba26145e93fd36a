"""Speed and memory of other people's models, beside transformers' `generate`.

    python -m benchmarks.pretrained [--quick] [--json]

The models are written with random weights into a temporary folder. Each system at each number of
threads is a process of its own; they are asked in turn, A B C A B C, and each is judged at its
best number of threads.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearhead.pretrained.config_file import read_config, read_settings

from ..machine import cores, machine
from ..report import add_arguments, progress, publish
from .bandwidth import read_speed
from .folders import GPT2, MARIAN, step_bytes, write
from .opening import open_folder
from .result import result_of
from .systems import NEW_TOKENS, OURS, SYSTEMS, Process

SETTLE = 0.25  # seconds: threads of a pool spin for a while after their last work
FAR_BEHIND = 1.5  # times another number of threads of the same system


def measure(
    running: Sequence[Process], shape: str, speeds: dict[int, float], size: int, options: Any
) -> list[dict[str, Any]]:
    """Return a row for each process, of all calls of all rounds.

    A process that was far behind its own system at another number of threads in the first round
    is not asked again.
    """
    replies: list[list[dict[str, Any]]] = [[] for _ in running]
    asked = list(range(len(running)))
    for round_ in range(options.rounds):
        for i in asked:
            replies[i].append(running[i].ask(calls=options.calls))
            time.sleep(options.settle * (running[i].threads > 1))
        progress(f"{shape}: round {round_ + 1} of {options.rounds}")
        if round_ == 0:
            first = [min(reply[0]["wall"]) for reply in replies]
            asked = [
                i
                for i in asked
                if first[i]
                <= FAR_BEHIND
                * min(first[j] for j in asked if running[j].system == running[i].system)
            ]
    tokens = [reply[-1]["tokens"] for reply in replies]
    ours = next(one for one, p in zip(tokens, running, strict=True) if p.system == OURS)
    rows = []
    for process, reply, targets in zip(running, replies, tokens, strict=True):
        wall = [seconds for one in reply for seconds in one["wall"]]
        ceiling = size / speeds[process.threads] * NEW_TOKENS / min(wall)
        rows.append(
            {
                "shape": shape,
                "system": process.system,
                "threads": process.threads,
                "tokens_per_second": NEW_TOKENS / statistics.median(wall),
                "best_seconds": min(wall),
                "processor_seconds": min(s for one in reply for s in one["processor"]),
                "calls": len(wall),
                "step_bytes": size,
                "memory_speeds": {str(threads): speed for threads, speed in speeds.items()},
                "ceiling_share": None if "bfloat16" in process.system else ceiling,
                "same_tokens": sum(map(int.__eq__, targets, ours)) / NEW_TOKENS,
            }
        )
    return rows


def speed_rows(shape: str, folder: Path, options: Any) -> list[dict[str, Any]]:
    """Start all systems with a model, and ask them in turn."""
    settings = read_settings(folder)
    _, config = read_config(folder, settings)
    memory = 1 << (22 if options.quick else 28)
    speeds = {threads: read_speed(threads, size=memory) for threads in options.threads}
    with contextlib.ExitStack() as stack:
        running = []
        for system in options.systems:
            for threads in options.threads:
                progress(f"{shape}: starting {system} with {threads} threads ...")
                process = Process(system, threads, shape, folder)
                stack.callback(process.close)
                running.append(process)
        return measure(running, shape, speeds, step_bytes(config), options)


def opening_row(name: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Open a folder some times, each in a new process."""
    progress(f"{name}: opening ...")
    openings = [open_folder(folder) for _ in range(rounds + 1)][1:]  # the first warms the disk
    seconds = [one["seconds"] for one in openings]
    return {
        "folder": name,
        "seconds": statistics.median(seconds),
        "least_seconds": min(seconds),
        "processor_seconds": min(one["processor_seconds"] for one in openings),
        "peak": max(one["peak"] for one in openings),
        "weights": openings[0]["weights"],
        "torch": any(one["torch"] for one in openings),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.pretrained", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=1, help="of a system in each round")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, min(2, cores())}), metavar="N"
    )
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    options = parser.parse_args(arguments)
    if OURS not in options.systems:
        parser.error(f"--systems lacks {OURS}, whose tokens the others' are compared with; add it.")
    options.settle = SETTLE
    if options.quick:
        options.rounds, options.settle = 1, 0.0
    facts = machine()
    if facts["kernels"]:
        # What is said of batches there holds for our own models; here weights are read in place.
        facts["kernels"] = facts["kernels"].partition("; ")[0]
    rows, openings = [], []
    for shape, dtypes in ((GPT2, ("float32", "bfloat16")), (MARIAN, ("float32",))):
        for dtype in dtypes:
            with tempfile.TemporaryDirectory() as name:
                folder, title = Path(name), f"{shape}, {dtype}"
                progress(f"{title}: writing a model ...")
                write(shape, dtype, folder, quick=options.quick)
                openings.append(opening_row(title, folder, options.rounds))
                if dtype == "float32":
                    rows += speed_rows(shape, folder, options)
    threads = ", ".join(map(str, options.threads))
    publish(result_of(rows, openings, facts, [f"Numbers of threads tried: {threads}."]), options)


if __name__ == "__main__":
    main()
