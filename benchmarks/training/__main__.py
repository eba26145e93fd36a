"""Training speed: target tokens a second beside transformers' Marian and torch.nn.Transformer.

    python -m benchmarks.training [--only d512 loss] [--quick] [--json] [--compile] [--heads 4]

All systems do the same step (see systems.py) in one process, in turn: A B C A B C, so
that what slows the machine slows all of them. A row is the median over the rounds. With ``--only``
the other parts stay as an earlier run measured them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import torch

from clearhead.training.processes.memory import keep_memory

from ..machine import cores, machine
from ..report import RESULTS, add_arguments, publish
from .parts import PARTS
from .systems import LABEL_SMOOTHING, MARIAN, QUICK, Shape

CONDITIONS = (
    "All systems: initial weights of the same sizes, fused AdamW, the norm clipped, gradients set "
    "to None; Marian and nn.Transformer under autocast, with masks only where there is padding, "
    "Marian with sdpa attention, or in tables by threads with eager where that is faster.",
    "clearhead's training has glibc keep freed memory (mallopt). In tables by threads the others "
    "have it as it is by itself, and with --keep-memory as ours; in all other tables, as ours.",
    "Of ceiling: FLOPs of the matrix products that real tokens need, to the fastest "
    "product of two 2048 x 2048 matrices measured on as many threads.",
)


def combined(
    shape: Shape, parts: dict[str, dict[str, Any]], facts: dict[str, Any]
) -> dict[str, Any]:
    """Return the result of all parts as `report.publish` takes it."""
    ordered = [parts[name] for name in PARTS if name in parts]
    verdicts = [sentence for part in ordered for sentence in part["verdicts"]]
    rows = parts.get("speed", {}).get("rows", [])
    if MARIAN not in {row["system"] for part in ordered for row in part["rows"]}:
        verdicts.append("transformers is not installed: pip install transformers")
    return {
        "name": "training",
        "title": f"Training speed: {describe_shape(shape)}",
        "machine": facts,
        "shape": dataclasses.asdict(shape),
        "rows": rows,
        "ratios": parts.get("speed", {}).get("ratios", []),
        "parts": parts,
        "tables": [table for part in ordered for table in part["tables"]],
        "verdicts": [*verdicts, *CONDITIONS],
    }


def describe_shape(shape: Shape) -> str:
    """Describe a shape in one phrase."""
    return (
        f"d_model {shape.d_model}, {shape.layers}+{shape.layers} layers, {shape.num_heads} heads, "
        f"feed-forward {shape.feed_forward_dim}, vocabulary {shape.vocab_size:,}, tied embeddings, "
        f"dropout {shape.dropout:g}, label smoothing {LABEL_SMOOTHING:g}"
    )


def earlier_parts(options: argparse.Namespace, processor: str) -> dict[str, dict[str, Any]]:
    """Return the parts that an earlier run measured on such a processor."""
    path = (options.output or RESULTS) / "training.json"
    if options.quick or not options.only or not path.exists():
        return {}
    result = json.loads(path.read_text())
    same = result["machine"]["processor"] == processor
    parts: dict[str, dict[str, Any]] = result.get("parts", {}) if same else {}
    return parts


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.training", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="these parts alone")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--compile", action="store_true", help="torch.compile all systems")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each block of rows")
    parser.add_argument("--rounds", type=int, default=3, help="the fewest rounds of a block")
    parser.add_argument("--precisions", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, min(2, cores())}), metavar="N"
    )
    parser.add_argument(
        "--loss", type=float, default=3.0, help="nats that the part loss trains to [3.0]"
    )
    parser.add_argument(
        "--keep-memory", action="store_true", help="for all systems, as clearhead's training does"
    )
    options = parser.parse_args(arguments)
    facts = machine()
    shape = Shape(num_heads=options.heads)
    if options.quick:
        shape, options.seconds, options.rounds = QUICK, 0.0, 1
    keep_memory()
    before = torch.get_num_threads()
    parts = earlier_parts(options, facts["processor"])
    try:
        for name in options.only or PARTS:
            parts[name] = PARTS[name](shape, options)
            if not options.quick:  # what is measured is kept, whatever becomes of the next part
                quiet = argparse.Namespace(**{**vars(options), "json": False})
                publish(combined(shape, parts, facts), quiet)
        if options.quick:
            publish(combined(shape, parts, facts), options)
        elif options.json:
            print(json.dumps(combined(shape, parts, facts)))
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
