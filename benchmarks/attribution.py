"""What attribution patching of all heads costs beside the passes that it needs.

    python -m benchmarks.attribution [--quick] [--json]

A decoder of GPT-2-small's shape with random weights. Two forward passes and one backward pass
(gradients of the first layer's input, and of no weight) run in turn with `attribute_heads` in one
process, A B A B; a row is the median over the rounds. Beside it are one forward pass alone, and
direct logit attribution, a forward pass in which all that is added is kept.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import clearhead as ch

from .machine import cores, machine
from .report import add_arguments, progress, publish

FORWARD, PASSES = "one forward pass", "two forward passes and one backward"
HEADS, LOGIT = "attribute_heads", "attribute_logit"
TARGET_TIMES = 1.5
ANSWER = ch.Target(1, 2)


def decoder(layers: int, d_model: int, heads: int, vocabulary: int) -> nn.Module:
    """Return a decoder with random weights, in eval mode."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        n_layer=layers, n_embd=d_model, n_head=heads, vocab_size=vocabulary, bos_token_id=0,
        eos_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def plain_passes(model: nn.Module, clean: Tensor, corrupted: Tensor) -> Tensor:
    """Run both forward passes, and go back from the metric to the first layer's input."""
    with torch.no_grad():
        model(clean)
    vectors = model.get_input_embeddings()(corrupted).detach().requires_grad_()
    value = ANSWER(model(inputs_embeds=vectors))
    return torch.autograd.grad(value, vectors)[0]


def contestants(model: nn.Module, length: int) -> dict[str, Callable[[], Any]]:
    """Return what is timed, on the same inputs."""
    vocabulary = model.config.vocab_size
    clean, corrupted = torch.randint(vocabulary, (2, 1, length))

    def forward() -> None:
        with torch.no_grad():
            model(clean)

    return {
        FORWARD: forward,
        PASSES: lambda: plain_passes(model, clean, corrupted),
        HEADS: lambda: ch.attribute_heads(model, clean, corrupted, ANSWER),
        LOGIT: lambda: ch.attribute_logit(model, clean, ANSWER),
    }


def medians(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each in interleaved rounds, after one to warm up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def result_of(rows: list[dict[str, Any]], facts: dict[str, Any], shape: str) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    header = ["", "seconds", "times both passes and the backward"]
    tables, verdicts = [], []
    for row in rows:
        seconds = row["seconds"]
        cells = [[name, f"{s:.3f}", f"{s / seconds[PASSES]:.2f}"] for name, s in seconds.items()]
        what = f"{row['length']:,} tokens"
        tables.append({"title": f"{what}, {shape}, float32", "header": header, "rows": cells})
        ratio = seconds[HEADS] / seconds[PASSES]
        word = "kept" if ratio <= TARGET_TIMES else "MISSED"
        verdicts.append(
            f"{what}: all heads by attribution patching in {ratio:.2f} times the passes that it "
            f"needs (at most {TARGET_TIMES:g}: {word})"
        )
    return {
        "name": "attribution",
        "title": "Attribution patching of all heads beside its passes",
        "machine": facts,
        "rows": rows,
        "tables": tables,
        "verdicts": verdicts,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.attribution", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 1024], metavar="N")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--d-model", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--vocabulary", type=int, default=50257)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    facts = machine()
    if options.quick:
        options.lengths, options.rounds, options.layers = [16], 1, 2
        options.d_model, options.heads, options.vocabulary = 32, 4, 64
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        model = decoder(options.layers, options.d_model, options.heads, options.vocabulary)
        rows = []
        for length in options.lengths:
            progress(f"{length:,} tokens ...")
            rows.append(
                {
                    "length": length,
                    "seconds": medians(contestants(model, length), options.rounds),
                }
            )
    finally:
        torch.set_num_threads(before)
    shape = f"{options.layers} layers of {options.d_model} with {options.heads} heads"
    publish(result_of(rows, facts, shape), options)


if __name__ == "__main__":
    main()
