"""What recording costs: a forward pass with and without, and beside eager attention.

    python -m benchmarks.attention_maps [--quick] [--json] [--lengths 512 4096 16384]

The passes of a Llama-shaped model run in turn in one process, A B C A B C, so that what slows the
machine slows all of them; a ratio is the median of the rounds' ratios. Memory is the peak of a
process of its own above what it held before the pass. So that a busy machine tells something,
too, processor time stands beside wall time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from clearhead.maps.recorder.record import record

from .machine import cores, installed, machine, peak_memory
from .report import add_arguments, progress, publish, verdict

SHAPE = {
    "hidden_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "intermediate_size": 1376,
    "vocab_size": 1000,
    "max_position_embeddings": 1 << 17,
}
PLAIN, RECORDED, SUMMARIES = "without", "recorded", "recorded, measures only"
EAGER = "eager, output_attentions"
MEASURES = ("entropy", "received", "topk")
MOST_RECORDED, LEAST_SPEED, LEAST_MEMORY = 1.05, 6.0, 15.0
EAGER_LENGTH = 4096


def passes(length: int, quick: bool) -> dict[str, Callable[[], Any]]:
    """Return a forward pass over so many tokens, in each of the ways."""
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2} if quick else {}
    model = LlamaModel(LlamaConfig(**{**SHAPE, **small})).eval()
    ids = torch.randint(0, SHAPE["vocab_size"], (1, length))

    def plain() -> Any:
        return model(ids, use_cache=False)

    def recorded() -> Any:
        with record(model) as recording:
            plain()
        return recording

    def summarised() -> Any:
        with record(model, summaries=MEASURES) as recording:
            plain()
        return recording

    def eager() -> Any:
        model.set_attn_implementation("eager")
        try:
            return model(ids, use_cache=False, output_attentions=True)
        finally:
            model.set_attn_implementation("sdpa")

    return {PLAIN: plain, RECORDED: recorded, SUMMARIES: summarised, EAGER: eager}


def interleaved(
    runs: dict[str, Callable[[], Any]], seconds: float, least: int
) -> dict[str, dict[str, list[float]]]:
    """Measure wall and processor seconds of every round, after one to warm up."""
    times: dict[str, dict[str, list[float]]] = {
        name: {"wall": [], "processor": []} for name in runs
    }
    end = time.perf_counter() + seconds
    rounds = -1
    while rounds < least or time.perf_counter() < end:
        for name, run in runs.items():
            start, work = time.perf_counter(), time.process_time()
            result = run()
            elapsed = time.perf_counter() - start, time.process_time() - work
            del result
            if rounds >= 0:
                times[name]["wall"].append(elapsed[0])
                times[name]["processor"].append(elapsed[1])
        rounds += 1
    return times


def row_of(times: dict[str, dict[str, list[float]]], base: str, **facts: Any) -> dict[str, Any]:
    """Return medians, and the medians of the rounds' ratios to one of the systems."""

    def ratio(name: str, clock: str) -> float:
        pairs = zip(times[name][clock], times[base][clock], strict=True)
        return statistics.median(one / other for one, other in pairs)

    return {
        **facts,
        "rounds": len(times[base]["wall"]),
        "seconds": {name: statistics.median(own["wall"]) for name, own in times.items()},
        "times": {name: ratio(name, "wall") for name in times},
        "times_by_processor": {name: ratio(name, "processor") for name in times},
    }


def speeds(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time recording at every length; eager attention at the one where it still has room."""
    rows = []
    for length in options.lengths:
        progress(f"A forward pass over {length:,} tokens ...")
        runs = passes(length, options.quick)
        if length != options.eager_length:
            runs.pop(EAGER)
        if length > EAGER_LENGTH:
            runs.pop(SUMMARIES)
        least = options.rounds if length <= EAGER_LENGTH else min(options.rounds, 5)
        with torch.inference_mode():
            times = interleaved(runs, options.seconds, least)
        rows.append(row_of(times, PLAIN, length=length))
    return rows


def memory_of(kind: str, length: int, quick: bool) -> None:
    """Print the most bytes that one pass held above the model, in a process of its own."""
    with torch.inference_mode():
        passes(16, quick)[kind]()  # what is loaded at the first call is no part of the pass
        run = passes(length, quick)[kind]
        before = peak_memory()
        result = run()
        print(json.dumps({"kind": kind, "length": length, "bytes": max(peak_memory() - before, 0)}))
        del result


def memories(options: argparse.Namespace) -> dict[str, int]:
    """Return the same for each kind, each measured in a process of its own."""
    sizes = {}
    for kind in (PLAIN, RECORDED, SUMMARIES, EAGER):
        progress(f"Memory at {options.eager_length:,} tokens: {kind} ...")
        command = [sys.executable, "-m", __spec__.name, "--only-memory", kind]
        command += ["--eager-length", str(options.eager_length), "--threads", str(options.threads)]
        command += ["--quick"] * options.quick
        child = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
        )
        sizes[kind] = json.loads(child.stdout)["bytes"]
    return sizes


def table(title: str, row: dict[str, Any], base: str) -> dict[str, Any]:
    """Return the table of one interleaved run."""
    header = ["", "seconds", f"times {base}", "by processor time"]
    cells = [
        [
            name,
            f"{seconds:.4f}",
            f"{row['times'][name]:.3f}",
            f"{row['times_by_processor'][name]:.3f}",
        ]
        for name, seconds in row["seconds"].items()
    ]
    return {"title": f"{title} ({row['rounds']} rounds)", "header": header, "rows": cells}


def result_of(
    rows: list[dict[str, Any]],
    memory: dict[str, int],
    eager_length: int,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    tables = [table(f"Forward pass, {row['length']:,} tokens", row, PLAIN) for row in rows]
    verdicts = [
        limit(f"{row['length']:,} tokens, recorded", row["times"][RECORDED], MOST_RECORDED)
        for row in rows
    ]
    for row in rows:
        if EAGER in row["times"]:
            ratio = row["times"][EAGER] / row["times"][RECORDED]
            what = f"{row['length']:,} tokens, recorded, speed of {EAGER}"
            verdicts.append(verdict(what, ratio, LEAST_SPEED))
    cells = [[kind, f"{size / 1e6:,.0f}"] for kind, size in memory.items()]
    title = f"Memory above the model, {eager_length:,} tokens"
    tables.append({"title": title, "header": ["", "MB"], "rows": cells})
    less = memory[EAGER] / max(memory[RECORDED], 1)
    verdicts.append(verdict(f"{title}, {EAGER} to recorded", less, LEAST_MEMORY))
    verdicts.append(
        "What bounds them: every operator of the model passes through a Python handler, which "
        "short texts feel (one that does nothing costs a third of what recording does); then "
        "finding the owner, and copies of q, k and the log-sum-exp, mostly first touches of memory."
    )
    return {
        "name": "attention_maps",
        "title": "Recording attention: Llama, 6 layers, 8 heads, d_model 512, float32",
        "machine": facts,
        "rows": rows,
        "memory": memory,
        "tables": tables,
        "verdicts": verdicts,
    }


def limit(what: str, value: float, most: float) -> str:
    """Return a ratio beside its upper limit."""
    return f"{what}: {value:.3f} times (at most {most:g}: {'kept' if value <= most else 'MISSED'})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.attention_maps", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 4096, 16384], metavar="N")
    parser.add_argument("--eager-length", type=int, default=EAGER_LENGTH, metavar="N")
    parser.add_argument("--only-memory", default="", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--seconds", type=float, default=20.0, help="of each block of rows")
    parser.add_argument("--rounds", type=int, default=9, help="the fewest rounds of a block")
    options = parser.parse_args(arguments)
    if not installed("transformers"):
        parser.error("the model is transformers' Llama: pip install transformers")
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        if options.only_memory:
            memory_of(options.only_memory, options.eager_length, options.quick)
            return
        facts = machine()
        if options.quick:
            options.lengths, options.eager_length = [32, 64], 64
            options.seconds, options.rounds = 0.0, 1
        rows, memory = speeds(options), memories(options)
        publish(result_of(rows, memory, options.eager_length, facts), options)
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
