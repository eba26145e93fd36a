"""What weights beside the output cost: one attention layer, beside PyTorch's own.

    python -m benchmarks.attention_weights [--quick] [--json] [--lengths 128 512 2048]

Self-attention with ``need_weights=True``, forward in inference mode, and forward and backward in
training with weights that nobody uses, as PyTorch's default is, and with weights in the loss. The
systems run in turn in one process; a ratio is the median of the rounds' ratios, by wall time and,
for a busy machine, by processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch

from clearhead.nn import MultiheadAttention

from .forward_passes import interleaved, row_of, table
from .machine import cores, machine
from .report import add_arguments, progress, publish, verdict

TORCH, OURS = "torch.nn.MultiheadAttention", "clearhead.nn.MultiheadAttention"
OURS_MAP = f'{OURS}, need_weights="map"'
HEADS = 8
LEAST_WEIGHTS, LEAST_MAP = 1.0, 3.0
LONG = 2048  # the length at which a map has a target
INFERENCE, TRAINING, IN_LOSS = "inference", "training", "training, weights in the loss"


def layers(length: int, width: int) -> dict[str, torch.nn.MultiheadAttention]:
    """Return PyTorch's layer and ours, with the same weights."""
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(width, HEADS, batch_first=True)
    ours = MultiheadAttention(width, HEADS, batch_first=True)
    ours.load_state_dict(theirs.state_dict())
    return {TORCH: theirs, OURS: ours}


def passes(kind: str, length: int, width: int) -> dict[str, Callable[[], Any]]:
    """Return one pass of each system over so many tokens."""
    both = layers(length, width)
    x = torch.randn(1, length, width)

    def inference(layer: torch.nn.MultiheadAttention, need_weights: Any = True) -> Any:
        with torch.inference_mode():
            return layer(x, x, x, need_weights=need_weights)

    def training(layer: torch.nn.MultiheadAttention) -> Any:
        tokens = x.clone().requires_grad_()
        output, weights = layer(tokens, tokens, tokens)
        loss = output.sum()
        if kind == IN_LOSS:
            loss = loss + (weights * weights).sum()
        loss.backward()
        return output

    if kind != INFERENCE:
        return {name: lambda layer=layer: training(layer) for name, layer in both.items()}
    for layer in both.values():
        layer.eval()
    runs = {name: lambda layer=layer: inference(layer) for name, layer in both.items()}
    return {**runs, OURS_MAP: lambda: inference(both[OURS], "map")}


def result_of(rows: list[dict[str, Any]], threads: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    tables, verdicts = [], []
    for row in rows:
        what = f"{row['length']:,} tokens, width {row['width']}, {row['kind']}"
        tables.append(table(what, row, TORCH))
        for clock, key in (("", "times"), (" by processor time", "times_by_processor")):
            ratio = 1 / row[key][OURS]
            verdicts.append(verdict(f"{what}, speed of torch's{clock}", ratio, LEAST_WEIGHTS))
        if OURS_MAP in row["times"] and row["length"] == LONG:
            ratio = 1 / row["times"][OURS_MAP]
            verdicts.append(verdict(f"{what}, a map, speed of torch's", ratio, LEAST_MAP))
    verdicts.append(
        "What decides: the tensor of all heads' weights, written and read several times and, when "
        "it is large, mapped by the system page by page. Tiles of it stay in the same memory. "
        "Short inference is PyTorch's own operator, so 1.0 is what can be had."
    )
    return {
        "name": "attention_weights",
        "title": f"Attention weights beside the output: {HEADS} heads, float32, batch 1, "
        f"{threads} thread{'s' * (threads > 1)}",
        "machine": facts,
        "rows": rows,
        "tables": tables,
        "verdicts": verdicts,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.attention_weights", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, LONG], metavar="N")
    parser.add_argument("--widths", type=int, nargs="+", default=[256, 512], metavar="N")
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--seconds", type=float, default=5.0, help="of each block of rows")
    parser.add_argument("--rounds", type=int, default=9, help="the fewest rounds of a block")
    options = parser.parse_args(arguments)
    if options.quick:
        options.lengths, options.widths, options.seconds, options.rounds = [24], [16], 0.0, 1
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        facts, rows = machine(), []
        for width in options.widths:
            for length in options.lengths:
                for kind in (INFERENCE, TRAINING, IN_LOSS):
                    progress(f"{length:,} tokens, width {width}, {kind} ...")
                    runs = passes(kind, length, width)
                    times = interleaved(runs, options.seconds, options.rounds)
                    rows.append(row_of(times, TORCH, length=length, width=width, kind=kind))
        publish(result_of(rows, options.threads, facts), options)
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
