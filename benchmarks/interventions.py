"""What editing costs: a forward pass with edits and without, and beside eager attention with hooks.

    python -m benchmarks.interventions [--quick] [--json] [--lengths 512 4096 16384]

The passes of a Llama-shaped model run in turn, as `forward_passes` says. One pass leaves out a head
in each layer and scales the output of a layer; another removes edges of one head, from the last 64
queries to the first 8 keys; a third does the same as the first with eager attention and hooks, as
tools do that need the weights. Beyond 4,096 tokens a pass over six layers takes half a minute: the
model has two layers there, and eager attention, whose weights take 8 GB a layer, is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch

from clearhead.interventions.intervene import intervene

from .forward_passes import (
    EAGER_LENGTH,
    SHAPE,
    limit,
    llama,
    memories_of,
    memory_table,
    run_command,
    speeds,
    table,
)
from .report import verdict

PLAIN, HEADS, EDGES = "without", "a head of each layer, a layer's output", "edges of a head"
EAGER = "the same heads, eager with hooks"
MOST, LEAST_SPEED, LEAST_MEMORY = 1.10, 5.0, 15.0
LAYERS_OF_LONG_TEXTS = 2


def layers_at(length: int) -> int:
    """Return how many layers the model has that reads so many tokens."""
    return SHAPE["num_hidden_layers"] if length <= EAGER_LENGTH else LAYERS_OF_LONG_TEXTS


def passes(length: int, quick: bool) -> dict[str, Callable[[], Any]]:
    """Return a forward pass over so many tokens, in each of the ways."""
    model, ids = llama(length, quick, layers_at(length))
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


def memories(options: argparse.Namespace) -> dict[str, int]:
    """Return the most bytes that each kind of pass holds above the model."""
    return memories_of("benchmarks.interventions", (PLAIN, HEADS, EDGES, EAGER), options)


def verdicts_of(row: dict[str, Any]) -> list[str]:
    """Return what the passes over one length say."""
    length, times = f"{row['length']:,} tokens", row["times"]
    verdicts = [limit(f"{length}, {kind}", times[kind], MOST) for kind in (HEADS, EDGES)]
    if EAGER in times:
        ratio = times[EAGER] / times[HEADS]
        verdicts.append(verdict(f"{length}, {EAGER}", ratio, LEAST_SPEED))
        verdicts.append(
            f"{length}: an edited pass cannot be faster than the plain one, beside which eager "
            f"attention takes {times[EAGER]:.2f} times as long. Both compute the same projections "
            "and feed-forward layers; the weights that eager attention writes and reads grow "
            "with the square of the length, and so does the ratio."
        )
    return verdicts


def result_of(
    rows: list[dict[str, Any]],
    memory: dict[str, int],
    eager_length: int,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    tables = [
        table(
            f"Forward pass, {row['length']:,} tokens, {layers_at(row['length'])} layers", row, PLAIN
        )
        for row in rows
    ]
    verdicts = [sentence for row in rows for sentence in verdicts_of(row)]
    title = f"Memory above the model, {eager_length:,} tokens"
    tables.append(memory_table(title, memory))
    less = memory[EAGER] / max(memory[HEADS], 1)
    verdicts.append(verdict(f"{title}, eager to edited", less, LEAST_MEMORY))
    verdicts.append(
        "What bounds them: every function that an edited module calls passes through a Python "
        "handler, which short texts feel; edges run the kernel again for the queries concerned."
    )
    return {
        "name": "interventions",
        "title": "Edits of a model that runs: Llama, 8 heads, d_model 512, float32",
        "machine": facts,
        "rows": rows,
        "memory": memory,
        "tables": tables,
        "verdicts": verdicts,
    }


def measure(options: argparse.Namespace, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the command."""
    rows = speeds(passes, options, base=PLAIN, eager=EAGER)
    return result_of(rows, memories(options), options.eager_length, facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.interventions", description=__doc__)
    run_command(parser, arguments, passes, measure)


if __name__ == "__main__":
    main()
