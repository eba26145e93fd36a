"""Training speed: target tokens a second beside transformers' Marian and torch.nn.Transformer.

    python -m benchmarks.training [--quick] [--json] [--compile] [--heads 4]

All systems do the same step (see systems.py) in one process, in turn: A B C A B C, so
that what slows the machine slows all of them. A row is the median over the rounds.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from clearhead.text.batches import Batch, Corpus

from ..machine import cores, installed, machine, matmul_ceiling
from ..report import add_arguments, progress, publish, verdict
from . import systems
from .systems import Shape, Step, batch_flops

TARGET = 1.5
HEADER = ["system", "precision", "threads", "target tokens/s", "GFLOP/s", "of ceiling"]
OURS, MARIAN, TORCH = "clearhead", "transformers Marian", "torch.nn.Transformer"


class RandomStore:
    """Pairs of random tokens whose lengths are spread as everyday sentences' are."""

    def __init__(self, pairs: int, vocab_size: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        lengths = self._rng.lognormal(mean=2.3, sigma=0.5, size=pairs)
        ratio = self._rng.lognormal(mean=0.1, sigma=0.2, size=pairs)
        self.source_lengths = np.clip(lengths, 2, 99).astype(np.int32)
        self.target_lengths = np.clip(lengths * ratio, 2, 99).astype(np.int32)
        self._vocab_size = vocab_size

    def __len__(self) -> int:
        return len(self.source_lengths)

    def source(self, index: int) -> np.ndarray:
        """Return random token ids, without special ones."""
        return self._rng.integers(3, self._vocab_size, self.source_lengths[index])

    def target(self, index: int) -> np.ndarray:
        """Return random token ids, without special ones."""
        return self._rng.integers(3, self._vocab_size, self.target_lengths[index])


def even_batches(shape: Shape, rows: int, length: int, count: int) -> list[Batch]:
    """Return batches without padding, source and target of one length."""
    rng = np.random.default_rng(0)
    ids = rng.integers(3, shape.vocab_size, (count, 3, rows, length))
    return [Batch(*three) for three in ids]


def varied_batches(shape: Shape, tokens: int, count: int) -> list[Batch]:
    """Return batches as `clearhead train` makes them: of like lengths, of limited tokens a side."""
    store = RandomStore(20 * tokens, shape.vocab_size)
    corpus = Corpus([store], [1.0], seed=0)  # type: ignore[list-item]
    plan = corpus.epoch(0, tokens)
    return [corpus.batch(indices) for indices in plan[:count]]


def makers(options: argparse.Namespace) -> dict[str, list[Callable[[Shape, str], Step]]]:
    """Return each system's variants; the fastest one in the warm-up is the one that is timed."""
    compiled = options.compile
    variants: dict[str, list[Callable[[Shape, str], Step]]] = {
        OURS: [lambda shape, precision: systems.clearhead(shape, precision, compiled)]
    }
    if installed("transformers"):
        variants[MARIAN] = [
            lambda shape, precision, kind=kind: systems.marian(shape, precision, compiled, kind)
            for kind in ("sdpa", "eager")
        ]
    variants[TORCH] = [
        lambda shape, precision: systems.torch_transformer(shape, precision, compiled)
    ]
    return variants


def seconds_of(step: Step, batches: Sequence[Batch]) -> float:
    """Return the wall time of one step on each batch."""
    start = time.perf_counter()
    for batch in batches:
        step(batch)
    return time.perf_counter() - start


def best_variant(steps: Sequence[Step], batches: Sequence[Batch]) -> Step:
    """Choose the fastest of all variants, after a warm-up."""
    for step in steps:
        step(batches[0])
    if len(steps) == 1:
        return steps[0]
    return min(steps, key=lambda step: min(seconds_of(step, batches[:1]) for _ in range(2)))


def measure(
    steps: dict[str, Step], batches: Sequence[Batch], seconds: float, least: int
) -> dict[str, float]:
    """Return median seconds over all batches, by system, in interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[OURS]) < least:
        for name, step in steps.items():
            times[name].append(seconds_of(step, batches))
    return {name: statistics.median(values) for name, values in times.items()}


def run(shape: Shape, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure all rows: each batch kind, precision, number of threads and system."""
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
                for name, variants in makers(options).items()
            }
            for kind, batches in kinds.items():
                progress(f"{precision}, {threads} threads, {kind} ...")
                steps = {
                    name: best_variant(variants, batches) for name, variants in variants_of.items()
                }
                times = measure(steps, batches, options.seconds, options.rounds)
                tokens = sum(batch.target_tokens for batch in batches)
                flops = sum(batch_flops(shape, batch) for batch in batches)
                rows += [
                    {
                        "batch": kind,
                        "precision": precision,
                        "threads": threads,
                        "system": name,
                        "tokens_per_second": tokens / seconds,
                        "gflops": flops / seconds / 1e9,
                        "ceiling_gflops": ceiling / 1e9,
                        "share_of_ceiling": flops / seconds / ceiling,
                    }
                    for name, seconds in times.items()
                ]
    return rows


def ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return our best speed over threads to each other system's best."""
    best: dict[tuple[str, str, str], float] = {}
    for row in rows:
        key = (row["batch"], row["precision"], row["system"])
        best[key] = max(best.get(key, 0.0), row["tokens_per_second"])
    return [
        {
            "batch": batch,
            "precision": precision,
            "against": system,
            "ratio": best[batch, precision, OURS] / speed,
        }
        for (batch, precision, system), speed in best.items()
        if system != OURS
    ]


def result_of(shape: Shape, rows: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    comparisons = ratios(rows)
    verdicts = [
        verdict(
            f"{row['batch']}, {row['precision']}, against {row['against']}, each at its best "
            f"number of threads",
            row["ratio"],
            TARGET,
        )
        for row in comparisons
    ]
    verdicts.append(
        "Of ceiling: FLOPs of the matrix products that real tokens need, to the fastest "
        "product of two 2048 x 2048 matrices measured on as many threads."
    )
    if MARIAN not in {row["system"] for row in rows}:
        verdicts.append("transformers is not installed: pip install transformers")
    return {
        "name": "training",
        "title": f"Training speed: {describe_shape(shape)}",
        "machine": facts,
        "shape": dataclasses.asdict(shape),
        "rows": rows,
        "ratios": comparisons,
        "tables": [_table(kind, rows) for kind in dict.fromkeys(row["batch"] for row in rows)],
        "verdicts": verdicts,
    }


def _table(kind: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the table of one kind of batch."""
    return {
        "title": f"Batch: {kind}",
        "header": HEADER,
        "rows": [
            [
                row["system"],
                row["precision"],
                str(row["threads"]),
                f"{row['tokens_per_second']:,.0f}",
                f"{row['gflops']:,.0f}",
                f"{row['share_of_ceiling']:.0%} of {row['ceiling_gflops']:,.0f}",
            ]
            for row in rows
            if row["batch"] == kind
        ],
    }


def describe_shape(shape: Shape) -> str:
    """Describe a shape in one phrase."""
    return (
        f"d_model {shape.d_model}, {shape.layers}+{shape.layers} layers, {shape.num_heads} heads, "
        f"feed-forward {shape.feed_forward_dim}, vocabulary {shape.vocab_size:,}, tied embeddings, "
        f"dropout {shape.dropout:g}, label smoothing {systems.LABEL_SMOOTHING:g}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.training", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--compile", action="store_true", help="torch.compile all systems")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each block of rows")
    parser.add_argument("--rounds", type=int, default=3, help="the fewest rounds of a block")
    parser.add_argument("--precisions", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, min(2, cores())}), metavar="N"
    )
    options = parser.parse_args(arguments)
    facts = machine()
    shape = Shape(num_heads=options.heads)
    if options.quick:
        shape = Shape(vocab_size=64, d_model=16, num_heads=2, layers=1, feed_forward_dim=32)
        options.seconds, options.rounds = 0.0, 1
    before = torch.get_num_threads()
    try:
        publish(result_of(shape, run(shape, options), facts), options)
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
