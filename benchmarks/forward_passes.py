"""Forward passes of one model in several ways, in turn: what benchmarks of such passes share.

The passes run in one process, A B C A B C, so that what slows the machine slows all of them; a
ratio is the median of the rounds' ratios. Memory is the peak of a process of its own above what it
held before the pass. So that a busy machine tells something, too, processor time stands beside wall
time.
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

from .machine import cores, installed, machine, peak_memory
from .report import add_arguments, progress, publish

SHAPE = {
    "hidden_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "intermediate_size": 1376,
    "vocab_size": 1000,
    "max_position_embeddings": 1 << 17,
}
EAGER_LENGTH = 4096

Runs = dict[str, Callable[[], Any]]
Passes = Callable[[int, bool], Runs]
Times = dict[str, dict[str, list[float]]]


def llama(length: int, quick: bool, layers: int | None = None) -> tuple[Any, torch.Tensor]:
    """Return a Llama of `SHAPE` with random weights, and token ids [1, length].

    Args:
        length: how many tokens.
        quick: whether a tiny model will do.
        layers: in place of those of the shape.
    """
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    shape = SHAPE if layers is None else {**SHAPE, "num_hidden_layers": layers}
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2} if quick else {}
    model = LlamaModel(LlamaConfig(**{**shape, **small})).eval()
    return model, torch.randint(0, SHAPE["vocab_size"], (1, length))


def interleaved(runs: Runs, seconds: float, least: int) -> Times:
    """Measure wall and processor seconds of every round, after one to warm up."""
    times: Times = {name: {"wall": [], "processor": []} for name in runs}
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


def row_of(times: Times, base: str, **facts: Any) -> dict[str, Any]:
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


def memory_table(title: str, memory: dict[str, int]) -> dict[str, Any]:
    """Return the table of the memory of some passes."""
    cells = [[kind, f"{size / 1e6:,.0f}"] for kind, size in memory.items()]
    return {"title": title, "header": ["", "MB"], "rows": cells}


def limit(what: str, value: float, most: float) -> str:
    """Return a ratio beside its upper limit."""
    return f"{what}: {value:.3f} times (at most {most:g}: {'kept' if value <= most else 'MISSED'})"


def speeds(
    passes: Passes, options: argparse.Namespace, *, base: str, eager: str, short: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Time passes at every length.

    Args:
        passes: returns them for a length, and whether the model may be tiny.
        options: of the command.
        base: the pass that ratios are to.
        eager: the pass that runs at ``options.eager_length`` alone, where it still has room.
        short: passes that are left out beyond `EAGER_LENGTH` tokens.
    """
    rows = []
    for length in options.lengths:
        progress(f"A forward pass over {length:,} tokens ...")
        runs = passes(length, options.quick)
        if length != options.eager_length:
            runs.pop(eager)
        if length > EAGER_LENGTH:
            runs = {name: run for name, run in runs.items() if name not in short}
        least = options.rounds if length <= EAGER_LENGTH else min(options.rounds, 5)
        with torch.inference_mode():
            times = interleaved(runs, options.seconds, least)
        rows.append(row_of(times, base, length=length))
    return rows


def memory_of(passes: Passes, kind: str, length: int, quick: bool) -> None:
    """Print the most bytes that one pass held above the model, in a process of its own."""
    with torch.inference_mode():
        passes(16, quick)[kind]()  # what is loaded at the first call is no part of the pass
        run = passes(length, quick)[kind]
        before = peak_memory()
        result = run()
        print(json.dumps({"kind": kind, "length": length, "bytes": max(peak_memory() - before, 0)}))
        del result


def memories_of(module: str, kinds: Sequence[str], options: argparse.Namespace) -> dict[str, int]:
    """Return the memory of each pass, measured in a process of its own.

    Args:
        module: the benchmark that runs them.
        kinds: the passes.
        options: of the command.
    """
    sizes = {}
    for kind in kinds:
        progress(f"Memory at {options.eager_length:,} tokens: {kind} ...")
        command = [sys.executable, "-m", module, "--only-memory", kind]
        command += ["--eager-length", str(options.eager_length), "--threads", str(options.threads)]
        command += ["--quick"] * options.quick
        child = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
        )
        sizes[kind] = json.loads(child.stdout)["bytes"]
    return sizes


def run_command(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    passes: Passes,
    measure: Callable[[argparse.Namespace, dict[str, Any]], dict[str, Any]],
) -> None:
    """Run the command of a benchmark of forward passes.

    Args:
        parser: of its options, to which those of all such benchmarks are added.
        arguments: of the command; None for the process's own.
        passes: as of `speeds`.
        measure: returns the result for the options and the facts of the machine.
    """
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
            memory_of(passes, options.only_memory, options.eager_length, options.quick)
            return
        facts = machine()
        if options.quick:
            options.lengths, options.eager_length = [32, 64], 64
            options.seconds, options.rounds = 0.0, 1
        publish(measure(options, facts), options)
    finally:
        torch.set_num_threads(before)
