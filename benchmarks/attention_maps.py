"""What recording costs: a forward pass with and without, and beside eager attention.

    python -m benchmarks.attention_maps [--quick] [--json] [--lengths 512 4096 16384]

The passes of a Llama-shaped model run in turn, as `forward_passes` says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from clearhead.maps.recorder.record import record

from .forward_passes import limit, llama, memories_of, memory_table, run_command, speeds, table
from .report import verdict

PLAIN, RECORDED, SUMMARIES = "without", "recorded", "recorded, measures only"
EAGER = "eager, output_attentions"
MEASURES = ("entropy", "received", "topk")
MOST_RECORDED, LEAST_SPEED, LEAST_MEMORY = 1.05, 6.0, 15.0


def passes(length: int, quick: bool) -> dict[str, Callable[[], Any]]:
    """Return a forward pass over so many tokens, in each of the ways."""
    model, ids = llama(length, quick)

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


def memories(options: argparse.Namespace) -> dict[str, int]:
    """Return the most bytes that each kind of pass holds above the model."""
    return memories_of("benchmarks.attention_maps", (PLAIN, RECORDED, SUMMARIES, EAGER), options)


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
    title = f"Memory above the model, {eager_length:,} tokens"
    tables.append(memory_table(title, memory))
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


def measure(options: argparse.Namespace, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the command."""
    rows = speeds(passes, options, base=PLAIN, eager=EAGER, short=(SUMMARIES,))
    return result_of(rows, memories(options), options.eager_length, facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.attention_maps", description=__doc__)
    run_command(parser, arguments, passes, measure)


if __name__ == "__main__":
    main()
