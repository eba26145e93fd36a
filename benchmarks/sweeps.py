"""What ablating every head costs, beside a plain loop over hooks in eager attention.

    python -m benchmarks.sweeps [--quick] [--heads N] [--json]

A decoder of GPT-2-small's shape with random weights reads 128 tokens. The loop is what people
write: for each head a hook that sets its slice of the output projection's input to 0, a run with
attention in eager operators and without a cache, and the same metric at the last position. Sweep
and loop run in turn in one process, A B A B; a row is the median over the rounds. Both must give
the same numbers. `--heads` ablates only so many heads of each layer, in both. Edges of the last
token are removed one by one and side by side, in turn as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import clearhead as ch
from clearhead.shapes import Array

from .attribution import decoder
from .machine import cores, machine
from .report import add_arguments, progress, publish

TARGET_TIMES = 3.0
METRIC = ch.Target(1, 2)


def plain_loop(model: nn.Module, ids: Tensor, heads: int) -> Array:
    """Return the change of the metric without each of the first heads of each layer, by hooks."""
    layers = model.transformer.h
    width = model.config.n_embd // model.config.n_head
    changes = np.zeros((len(layers), heads))
    with torch.no_grad():
        before = METRIC(model(ids, use_cache=False))
        for i, layer in enumerate(layers):
            for head in range(heads):
                own = slice(head * width, (head + 1) * width)

                def zero(module: nn.Module, args: Any, own: slice = own) -> Any:
                    x = args[0].clone()
                    x[..., own] = 0.0
                    return (x,)

                handle = layer.attn.c_proj.register_forward_pre_hook(zero)
                changes[i, head] = METRIC(model(ids, use_cache=False)) - before
                handle.remove()
    return changes


def sweep(model: nn.Module, ids: Tensor, heads: int, batch_size: int) -> Array:
    """Return the same by a sweep."""
    return ch.sweep(model, ids, METRIC, heads=range(heads), batch_size=batch_size).values


def measure(
    model: nn.Module, ids: Tensor, heads: int, batch_size: int, rounds: int
) -> dict[str, Any]:
    """Return the median seconds of both, and how far their numbers are apart."""
    times: dict[str, list[float]] = {"loop": [], "sweep": []}
    results: dict[str, Array] = {}
    for turn in range(rounds + 1):
        for name in times:
            model.set_attn_implementation("eager" if name == "loop" else "sdpa")
            start = time.perf_counter()
            if name == "loop":
                results[name] = plain_loop(model, ids, heads)
            else:
                results[name] = sweep(model, ids, heads, batch_size)
            seconds = time.perf_counter() - start
            if turn or not rounds:
                times[name].append(seconds)
            progress(f"{name}: {seconds:.2f} s")
    apart = float(np.abs(results["loop"] - results["sweep"]).max())
    return {name: statistics.median(values) for name, values in times.items()} | {"apart": apart}


def measure_edges(
    model: nn.Module, ids: Tensor, keys: int, batch_size: int, rounds: int
) -> dict[str, Any]:
    """Return the median seconds of a sweep over edges of the last token, one by one and in batches.

    Also returns how many edges there are, how often the model was called for them in each way, and
    how far the numbers are apart.
    """
    model.set_attn_implementation("sdpa")
    length = ids.shape[1]
    places = {"queries": length - 1, "keys": range(0, length, max(1, length // keys))}
    sizes = {"one by one": 1, "side by side": batch_size}
    times: dict[str, list[float]] = {name: [] for name in sizes}
    calls, results = dict.fromkeys(sizes, 0), {}
    for turn in range(rounds + 1):
        for name, size in sizes.items():
            counts: list[int] = []
            start = time.perf_counter()
            with model.register_forward_pre_hook(lambda *_, counts=counts: counts.append(1)):
                results[name] = ch.sweep(
                    model, ids, METRIC, over="edges", batch_size=size, **places
                ).values
            seconds = time.perf_counter() - start
            calls[name] = len(counts)
            if turn or not rounds:
                times[name].append(seconds)
            progress(f"edges {name}: {seconds:.2f} s")
    apart = float(np.nanmax(np.abs(results["one by one"] - results["side by side"])))
    edges = int(np.isfinite(results["one by one"]).sum())
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {"edges": edges, "seconds": medians, "calls": calls, "apart": apart}


def edge_table(row: dict[str, Any], length: int) -> dict[str, Any]:
    """Return the table of a sweep over edges."""
    alone = row["seconds"]["one by one"]
    cells = [
        [name, f"{seconds:.2f}", f"{alone / seconds:.2f}", str(row["calls"][name])]
        for name, seconds in row["seconds"].items()
    ]
    return {
        "title": f"{row['edges']} edges of the last of {length} tokens, numbers {row['apart']:.1e} "
        "apart",
        "header": ["", "seconds", "times faster", "calls of the model"],
        "rows": cells,
    }


def result_of(
    row: dict[str, Any], edges: dict[str, Any], facts: dict[str, Any], shape: str
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    ratio = row["loop"] / row["sweep"]
    cells = [
        [name, f"{row[key]:.2f}", f"{row['loop'] / row[key]:.2f}"]
        for name, key in (("a loop over hooks, eager", "loop"), ("clearhead.sweep", "sweep"))
    ]
    word = "kept" if ratio >= TARGET_TIMES else "MISSED"
    return {
        "name": "sweeps",
        "title": "Ablating every head, beside a loop over hooks",
        "machine": facts,
        "rows": [row, edges],
        "tables": [
            {
                "title": f"{row['ablations']} heads one by one, {row['length']} tokens, {shape}, "
                "float32",
                "header": ["", "seconds", "times faster than the loop"],
                "rows": cells,
            },
            edge_table(edges, row["length"]),
        ],
        "verdicts": [
            f"a sweep is {ratio:.2f} times faster than the loop (at least {TARGET_TIMES:g}: "
            f"{word}); their numbers are {row['apart']:.1e} apart"
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.sweeps", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--d-model", type=int, default=768)
    parser.add_argument("--model-heads", type=int, default=12)
    parser.add_argument("--heads", type=int, metavar="N", help="of each layer [all]")
    parser.add_argument("--keys", type=int, default=8, help="of the last token's edges, in a layer")
    parser.add_argument("--vocabulary", type=int, default=50257)
    parser.add_argument("--batch-size", type=int, default=6)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    facts = machine()
    if options.quick:
        options.length, options.rounds, options.layers = 16, 1, 2
        options.d_model, options.model_heads, options.vocabulary = 32, 4, 64
    heads = options.model_heads if options.heads is None else options.heads
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        model = decoder(options.layers, options.d_model, options.model_heads, options.vocabulary)
        ids = torch.randint(options.vocabulary, (1, options.length))
        row = measure(model, ids, heads, options.batch_size, options.rounds)
        edges = measure_edges(model, ids, options.keys, options.batch_size, options.rounds)
    finally:
        torch.set_num_threads(before)
    row |= {"length": options.length, "ablations": options.layers * heads}
    shape = f"{options.layers} layers of {options.d_model} with {options.model_heads} heads"
    publish(result_of(row, edges, facts, shape), options)


if __name__ == "__main__":
    main()
