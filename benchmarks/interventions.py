"""What editing costs: a forward pass with edits and without, and beside eager attention with hooks.

    python -m benchmarks.interventions [--quick] [--json] [--lengths 512 4096 16384]

The passes of a Llama-shaped model run in turn in one process, so that what slows the machine slows
all of them; a ratio is the median of the rounds' ratios. One pass leaves out a head in each layer
and scales the output of a layer; another removes edges of one head, from the last 64 queries to the
first 8 keys; a third does the same as the first with eager attention and hooks, as tools do that
need the weights. Memory is the peak of a process of its own above what it held before the pass.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from clearhead.interventions.intervene import intervene

from .attention_maps import SHAPE, interleaved, limit, row_of, table
from .machine import cores, installed, machine, peak_memory
from .report import add_arguments, progress, publish, verdict

PLAIN, HEADS, EDGES = "without", "a head of each layer, a layer's output", "edges of a head"
EAGER = "the same heads, eager with hooks"
MOST, LEAST_SPEED, LEAST_MEMORY = 1.10, 5.0, 15.0
EAGER_LENGTH = 4096


def passes(length: int, quick: bool) -> dict[str, Callable[[], Any]]:
    """Return a forward pass over so many tokens, in each of the ways."""
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2} if quick else {}
    model = LlamaModel(LlamaConfig(**{**SHAPE, **small})).eval()
    ids = torch.randint(0, SHAPE["vocab_size"], (1, length))
    width = model.config.hidden_size // model.config.num_attention_heads

    def plain() -> Any:
        return model(ids, use_cache=False).last_hidden_state

    def heads() -> Any:
        with intervene(model) as edits:
            edits["layers.*.self_attn"].head(2).zero()
            edits["layers.1"].output.scale(0.5)
            return plain()

    def edges() -> Any:
        with intervene(model) as edits:
            queries = slice(max(0, length - 64), None)
            edits["layers.1.self_attn"].head(1).edge(queries, slice(0, 8)).remove()
            return plain()

    def without_head(module: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        x = args[0].clone()
        x[..., 2 * width : 3 * width] = 0
        return (x,)

    def eager() -> Any:
        model.set_attn_implementation("eager")
        handles = [
            layer.self_attn.o_proj.register_forward_pre_hook(without_head) for layer in model.layers
        ]
        handles.append(model.layers[1].register_forward_hook(lambda module, args, x: 0.5 * x))
        try:
            return model(ids, use_cache=False, output_attentions=True).last_hidden_state
        finally:
            model.set_attn_implementation("sdpa")
            for handle in handles:
                handle.remove()

    return {PLAIN: plain, HEADS: heads, EDGES: edges, EAGER: eager}


def speeds(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time edits at every length; eager attention at the one where it still has room."""
    rows = []
    for length in options.lengths:
        progress(f"A forward pass over {length:,} tokens ...")
        runs = passes(length, options.quick)
        if length != options.eager_length:
            runs.pop(EAGER)
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
        run()
        print(json.dumps({"kind": kind, "length": length, "bytes": max(peak_memory() - before, 0)}))


def memories(options: argparse.Namespace) -> dict[str, int]:
    """Return the same for each kind, each measured in a process of its own."""
    sizes = {}
    for kind in (PLAIN, HEADS, EDGES, EAGER):
        progress(f"Memory at {options.eager_length:,} tokens: {kind} ...")
        command = [sys.executable, "-m", __spec__.name, "--only-memory", kind]
        command += ["--eager-length", str(options.eager_length), "--threads", str(options.threads)]
        command += ["--quick"] * options.quick
        child = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
        )
        sizes[kind] = json.loads(child.stdout)["bytes"]
    return sizes


def result_of(
    rows: list[dict[str, Any]],
    memory: dict[str, int],
    eager_length: int,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    tables = [table(f"Forward pass, {row['length']:,} tokens", row, PLAIN) for row in rows]
    verdicts = [
        limit(f"{row['length']:,} tokens, {kind}", row["times"][kind], MOST)
        for row in rows
        for kind in (HEADS, EDGES)
    ]
    for row in rows:
        if EAGER in row["times"]:
            ratio = row["times"][EAGER] / row["times"][HEADS]
            verdicts.append(verdict(f"{row['length']:,} tokens, {EAGER}", ratio, LEAST_SPEED))
    cells = [[kind, f"{size / 1e6:,.0f}"] for kind, size in memory.items()]
    title = f"Memory above the model, {eager_length:,} tokens"
    tables.append({"title": title, "header": ["", "MB"], "rows": cells})
    less = memory[EAGER] / max(memory[HEADS], 1)
    verdicts.append(verdict(f"{title}, eager to edited", less, LEAST_MEMORY))
    verdicts.append(
        "What bounds them: every function that an edited module calls passes through a Python "
        "handler, which short texts feel; edges run the kernel again for the queries concerned."
    )
    return {
        "name": "interventions",
        "title": "Edits of a model that runs: Llama, 6 layers, 8 heads, d_model 512, float32",
        "machine": facts,
        "rows": rows,
        "memory": memory,
        "tables": tables,
        "verdicts": verdicts,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.interventions", description=__doc__)
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
