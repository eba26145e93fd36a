"""What is measured: a function for each part of the benchmark.

Each takes the shape and the options, and returns ``rows`` of numbers, ``tables`` and ``verdicts``.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

import torch

from ..machine import matmul_ceiling
from ..report import progress, verdict
from . import given_loss
from .batching import CLEARHEAD, GROUPED, RANDOM, batchings
from .data import even_batches, varied_batches, varied_corpus
from .systems import MARIAN, OURS, QUICK, TORCH, Shape, batch_flops, makers
from .timing import best_variant, measure, ratios, rows_of, seconds_of, table_of
from .together import seconds_together

TARGET, CEILING_TARGET = 2.0, 0.5
Part = dict[str, Any]


def speed(shape: Shape, options: argparse.Namespace) -> Part:
    """Measure the same batches in all systems: each kind, precision and number of threads."""
    kinds = {
        "128 x 14": even_batches(shape, 128, 14, 1),
        "4,096 tokens, varied lengths": varied_batches(shape, 4096, 2),
    }
    if options.quick:
        kinds = {"4 x 5": even_batches(shape, 4, 5, 1), "varied": varied_batches(shape, 32, 1)}
    rows: list[dict[str, Any]] = []
    for precision in options.precisions:
        for threads in options.threads:
            torch.manual_seed(0)
            ceiling = matmul_ceiling(threads, precision, *((64, 0.0) if options.quick else ()))
            variants_of = {
                name: [maker(shape, precision) for maker in variants]
                for name, variants in makers(options.compile).items()
            }
            for kind, batches in kinds.items():
                progress(f"{precision}, {threads} threads, {kind} ...")
                steps = {
                    name: best_variant(variants, batches) for name, variants in variants_of.items()
                }
                times = measure(
                    steps, batches, options.seconds, options.rounds, keep=options.keep_memory
                )
                tokens = sum(batch.target_tokens for batch in batches)
                flops = sum(batch_flops(shape, batch) for batch in batches)
                rows += rows_of(kind, precision, threads, ceiling, times, tokens, flops)
    comparisons = ratios(rows)
    return {
        "rows": rows,
        "ratios": comparisons,
        "tables": [
            table_of(f"Batch: {kind}", [row for row in rows if row["batch"] == kind])
            for kind in dict.fromkeys(row["batch"] for row in rows)
        ],
        "verdicts": [
            verdict(
                f"{row['batch']}, {row['precision']}, against {row['against']}, each at its best "
                f"number of threads",
                row["ratio"],
                TARGET,
            )
            for row in comparisons
        ],
    }


def d512(_: Shape, options: argparse.Namespace) -> Part:
    """Measure the base model of Vaswani et al. 2017 beside the ceiling, on varied batches."""
    base = Shape(d_model=512, num_heads=8, layers=6, feed_forward_dim=2048)
    shape = QUICK if options.quick else base
    batches = varied_batches(shape, 64 if options.quick else 2048, 1)
    rows: list[dict[str, Any]] = []
    for threads in options.threads:
        progress(f"d_model 512, {threads} threads ...")
        torch.manual_seed(0)
        ceiling = matmul_ceiling(threads, "bfloat16", *((64, 0.0) if options.quick else ()))
        steps = {name: variants[0](shape, "bfloat16") for name, variants in makers().items()}
        for step in steps.values():
            step(batches[0])
        times = measure(steps, batches, options.seconds, options.rounds, keep=options.keep_memory)
        tokens = sum(batch.target_tokens for batch in batches)
        flops = sum(batch_flops(shape, batch) for batch in batches)
        rows += rows_of("d512", "bfloat16", threads, ceiling, times, tokens, flops)
    best = max(row["share_of_ceiling"] for row in rows if row["system"] == OURS)
    word = "reached" if best >= CEILING_TARGET else "MISSED"
    title = (
        f"d_model {shape.d_model}, {shape.layers}+{shape.layers} layers, {shape.num_heads} heads, "
    )
    title += f"feed-forward {shape.feed_forward_dim}: 2,048 tokens, varied lengths"
    return {
        "rows": rows,
        "tables": [table_of(title, rows)],
        "verdicts": [
            f"d_model 512, share of the bfloat16 ceiling: {best:.0%} (target 50%: {word})",
            *(
                verdict(f"d_model 512 against {row['against']}", row["ratio"], TARGET)
                for row in ratios(rows)
            ),
        ],
    }


def batching(shape: Shape, options: argparse.Namespace) -> Part:
    """Measure the same pairs, in each library's own batches, on one thread in bfloat16."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens, count = (64, 1) if options.quick else (4096, 4)
    ways = batchings(varied_corpus(shape, tokens), tokens, count)
    steps = {name: variants[0](shape, "bfloat16") for name, variants in makers().items()}
    runs = {(OURS, CLEARHEAD)} | {
        (name, way) for name in steps for way in (GROUPED, RANDOM) if name != OURS and way in ways
    }
    times: dict[tuple[str, str], list[float]] = {run: [] for run in sorted(runs)}
    for name, way in times:
        steps[name](ways[way].batches[-1])
    for number in range(options.rounds):
        progress(f"own batches, round {number + 1} ...")
        for (name, way), each in times.items():
            each.append(seconds_of(steps[name], ways[way].batches))
    rows = [
        {
            "system": name,
            "batching": way,
            "padding": ways[way].padding,
            "rows": ways[way].rows,
            "tokens_per_second": sum(b.target_tokens for b in ways[way].batches)
            / statistics.median(each),
        }
        for (name, way), each in times.items()
    ]
    best = {
        name: max(r["tokens_per_second"] for r in rows if r["system"] == name) for name in steps
    }
    return {
        "rows": rows,
        "tables": [
            {
                "title": "The same pairs, each library's own batches (bfloat16, one thread)",
                "header": ["system", "batches", "pairs to a batch", "padding", "target tokens/s"],
                "rows": [
                    [
                        row["system"],
                        row["batching"],
                        f"{row['rows']:.0f}",
                        f"{row['padding']:.0%}",
                        f"{row['tokens_per_second']:,.0f}",
                    ]
                    for row in rows
                ],
            }
        ],
        "verdicts": [
            verdict(f"own batches, against {name}, at its best", best[OURS] / speed_, TARGET)
            for name, speed_ in best.items()
            if name != OURS
        ],
    }


def processes(shape: Shape, options: argparse.Namespace) -> Part:
    """Measure two processes of one thread each, in bfloat16."""
    del shape  # the members make their own
    progress("two processes ...")
    result = seconds_together(2, "bfloat16", options.rounds, options.quick)
    rows = [
        {"batch": kind, "system": name, "tokens_per_second": each["tokens"] / seconds}
        for kind, each in result.items()
        for name, seconds in each["seconds"].items()
    ]
    ours = {row["batch"]: row["tokens_per_second"] for row in rows if row["system"] == OURS}
    return {
        "rows": rows,
        "tables": [
            {
                "title": "Two processes of one thread (bfloat16): our tree, the others' DDP",
                "header": ["system", "batch", "target tokens/s"],
                "rows": [
                    [row["system"], row["batch"], f"{row['tokens_per_second']:,.0f}"]
                    for row in rows
                ],
            }
        ],
        "verdicts": [
            verdict(
                f"two processes, {row['batch']}, against {row['system']}",
                ours[row["batch"]] / row["tokens_per_second"],
                TARGET,
            )
            for row in rows
            if row["system"] != OURS
        ],
    }


def loss(_: Shape, options: argparse.Namespace) -> Part:
    """Measure the seconds to a given development loss, on one thread in bfloat16."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = dataclasses.replace(QUICK, vocab_size=64) if options.quick else given_loss.SHAPE
    steps = {name: variants[0](shape, "bfloat16") for name, variants in makers().items()}
    own = GROUPED if MARIAN in steps else RANDOM
    progress(f"steps to a loss of {options.loss} ...")
    rows = given_loss.until_loss(
        steps,
        {OURS: CLEARHEAD, MARIAN: own, TORCH: own},
        loss=options.loss,
        tokens=128 if options.quick else 1024,
        most=given_loss.MEASURE_EVERY if options.quick else given_loss.MOST_STEPS,
        vocab_size=shape.vocab_size,
    )
    arrived = {row["system"]: row["seconds"] for row in rows if row["loss"] < options.loss}
    return {
        "rows": rows,
        "tables": [
            {
                "title": f"Until the development loss is below {options.loss:g} nats (d_model "
                f"{shape.d_model}, {shape.layers}+{shape.layers} layers, bfloat16, one thread)",
                "header": ["system", "batches", "steps", "loss", "seconds of steps"],
                "rows": [
                    [
                        row["system"],
                        row["batching"],
                        f"{row['steps']:,}",
                        f"{row['loss']:.3f}",
                        f"{row['seconds']:.1f}",
                    ]
                    for row in rows
                ],
            }
        ],
        "verdicts": [
            verdict(f"time to the loss, against {name}", seconds / arrived[OURS], TARGET)
            for name, seconds in arrived.items()
            if name != OURS and OURS in arrived
        ]
        + [
            f"{row['system']} did not come below {options.loss:g} nats in {row['steps']:,} steps"
            for row in rows
            if row["system"] not in arrived
        ],
    }


PARTS: dict[str, Callable[[Shape, argparse.Namespace], Part]] = {
    "speed": speed,
    "batching": batching,
    "processes": processes,
    "d512": d512,
    "loss": loss,
}
