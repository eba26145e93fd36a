"""What it costs to look: entropy, received and top-8 of all heads beside one attention forward.

    python -m benchmarks.map_measures [--quick] [--json] [--long 65536]

One fused attention forward (F.scaled_dot_product_attention) and the measures of the same tensors
run in turn in one process, A B C A B C; a row is the median over the rounds. What nothing else
disturbs is the processor time of one thread, which is given beside it. The memory of a long layer
is the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from clearhead.maps import AttentionMap, Pooled, TopK

from .machine import cores, machine, matmul_ceiling, peak_memory
from .report import add_arguments, progress, publish

HEADS, HEAD_DIM = 8, 64
TARGET_TIMES, TARGET_GB = 2.5, 4.0
FUSED, TOGETHER, LOOP = "fused attention forward", "entropy, received, top-8", "a plain loop"
ALONE = ("entropy", "received", "topk")
PICTURE = 512


def plain_loop(query: Tensor, key: Tensor, causal: bool, rows: int = 256) -> tuple[Tensor, ...]:
    """Compute three functions of the weights as one would write it, some rows at a time."""
    entropy, attention_received, top = [], torch.zeros(key.shape[:3]), []
    scale = query.shape[-1] ** -0.5
    for first in range(0, query.shape[2], rows):
        scores = query[:, :, first : first + rows] @ key.mT * scale
        if causal:
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(first + 1)
            scores.masked_fill_(future, -torch.inf)
        weights = scores.softmax(-1)
        entropy.append(torch.special.entr(weights).sum(-1))
        attention_received += weights.sum(-2)
        top.append(weights.topk(8).values)
    return torch.cat(entropy, -1), attention_received, torch.cat(top, -2)


def contestants(length: int, causal: bool) -> dict[str, Callable[[], Any]]:
    """Return what is timed, on the same tensors."""
    query, key, value = torch.randn(3, 1, HEADS, length, HEAD_DIM)
    attention_map = AttentionMap.of(query, key, causal=causal)
    runs: dict[str, Callable[[], Any]] = {
        FUSED: lambda: F.scaled_dot_product_attention(query, key, value, is_causal=causal),
        TOGETHER: lambda: attention_map.measure(*ALONE),
    }
    for name in ALONE:
        runs[name] = lambda name=name: attention_map.measure(name)
    runs[LOOP] = lambda: plain_loop(query, key, causal)
    return runs


def medians(
    runs: dict[str, Callable[[], Any]], seconds: float, least: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median seconds of each in interleaved rounds, after one to warm up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[FUSED]) < least:
        for name, run in runs.items():
            start = clock()
            run()
            times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def rows_of(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every length, with and without a causal mask, by wall and by processor time."""
    rows = []
    for length in options.lengths:
        for causal in (False, True):
            progress(f"{length:,} tokens{', causal' * causal} ...")
            torch.manual_seed(0)
            runs = contestants(length, causal)
            if length > 4096:
                runs.pop(LOOP)
            least = options.rounds if length <= 4096 else min(options.rounds, 3)
            torch.set_num_threads(options.threads)
            wall = medians(runs, options.seconds, least, time.perf_counter)
            torch.set_num_threads(1)
            few = {name: runs[name] for name in (FUSED, TOGETHER)}
            work = medians(few, 0.0, 1 if length > 4096 else min(least, 3), time.process_time)
            rows.append(
                {
                    "length": length,
                    "causal": causal,
                    "seconds": wall,
                    "times": {name: seconds / wall[FUSED] for name, seconds in wall.items()},
                    "processor_seconds_one_thread": work,
                    "times_one_thread": work[TOGETHER] / work[FUSED],
                }
            )
    return rows


def long_layer(length: int) -> None:
    """Measure a long layer in a process of its own; print seconds and bytes."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, HEADS, length, HEAD_DIM)
    start = time.perf_counter()
    size = min(PICTURE, length)
    AttentionMap.of(query, key, causal=True).measure(
        "entropy", "received", TopK(8), Pooled(size, size)
    )
    seconds = time.perf_counter() - start
    print(json.dumps({"length": length, "seconds": seconds, "peak_bytes": peak_memory()}))


def long_result(options: argparse.Namespace) -> dict[str, Any] | None:
    """Start the process that measures a long layer, and return what it prints."""
    if not options.long:
        return None
    progress(f"{options.long:,} tokens in a process of its own ...")
    command = [sys.executable, "-m", __spec__.name, "--only-long", str(options.long)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(child.stdout)


def result_of(
    rows: list[dict[str, Any]], long: dict[str, Any] | None, ceiling: float, facts: dict[str, Any]
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    header = ["", "seconds", "times the forward", "one thread, processor time"]
    tables, verdicts = [], []
    for row in rows:
        what = f"{row['length']:,} tokens{', causal' * row['causal']}"
        cells = []
        for name, seconds in row["seconds"].items():
            work = f"{row['times_one_thread']:.2f}" if name == TOGETHER else ""
            cells.append([name, f"{seconds:.3f}", f"{row['times'][name]:.2f}", work])
        tables.append({"title": f"{what}, 8 heads of 64, float32", "header": header, "rows": cells})
        verdicts.append(limit(what, row["times"][TOGETHER], TARGET_TIMES, "times the forward"))
    if long is not None:
        gigabytes = long["peak_bytes"] / 1e9
        what = (
            f"{long['length']:,} tokens, causal: received, entropy, top-8 and a picture of "
            f"{PICTURE} x {PICTURE} in {long['seconds']:,.0f} s, peak of the whole process"
        )
        verdicts.append(limit(what, gigabytes, TARGET_GB, "GB"))
    verdicts.append(
        "What bounds it: the product Q K^T, half the forward's arithmetic, which here runs at up "
        f"to {ceiling / 1e9:,.0f} GFLOP/s; then one softmax in the cache. Entropy and received add "
        "a twelfth each. Top-8 costs a fixed time per query (maxima of blocks, two short sorts), "
        "so its share is largest for short rows, as under a causal mask."
    )
    return {
        "name": "map_measures",
        "title": "Looking at an attention map beside computing the attention",
        "machine": facts,
        "rows": rows,
        "long": long,
        "tables": tables,
        "verdicts": verdicts,
    }


def limit(what: str, value: float, most: float, unit: str) -> str:
    """Return a measurement beside its limit."""
    word = "kept" if value <= most else "MISSED"
    return f"{what}: {value:.2f} {unit} (at most {most:g}: {word})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.map_measures", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 4096, 16384], metavar="N")
    parser.add_argument("--long", type=int, default=65536, help="tokens of the long layer, 0: none")
    parser.add_argument("--only-long", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each block of rows")
    parser.add_argument("--rounds", type=int, default=5, help="the fewest rounds of a block")
    options = parser.parse_args(arguments)
    if options.only_long:
        torch.set_num_threads(options.threads)
        long_layer(options.only_long)
        return
    facts = machine()
    if options.quick:
        options.lengths, options.long = [64], 256
        options.seconds, options.rounds = 0.0, 1
    before = torch.get_num_threads()
    try:
        size = (64, 0.0) if options.quick else ()
        ceiling = matmul_ceiling(options.threads, "float32", *size)
        rows = rows_of(options)
        publish(result_of(rows, long_result(options), ceiling, facts), options)
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
