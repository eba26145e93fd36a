"""What it costs that any number of processes ends with the same bits.

    python -m benchmarks.training.elastic [--quick] [--json] [--processes 2]

Two measurements, each in turn with what it stands beside, so that what slows one slows both:

- a step of one process, cut into 1, 2, 4 and 8 micro-batches, whose gradients the tree adds;
- the exchange of gradients among several processes, in the tree and by PyTorch's all_reduce,
  without forward and backward pass.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed as dist

from clearhead.nn.transformer import Transformer
from clearhead.text.batches import Corpus
from clearhead.training.processes.gradients import sum_gradients
from clearhead.training.processes.launch import LEASH, MEETING, loopback
from clearhead.training.processes.parallel import Processes, share_rows
from clearhead.training.step import batch_loss, clip_and_update

from ..machine import machine
from ..report import add_arguments, publish
from .data import RandomStore
from .systems import CLIP_NORM, LABEL_SMOOTHING, LEARNING_RATE, QUICK, Shape

COUNTS = (1, 2, 4, 8)


def step_seconds(shape: Shape, tokens: int, rounds: int) -> dict[int, float]:
    """Return the median seconds of a whole step, by the number of micro-batches."""
    torch.manual_seed(0)
    model = Transformer(shape.config()).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    corpus = Corpus([RandomStore(4 * tokens, shape.vocab_size)], [1.0], seed=0)  # type: ignore[list-item]
    rows = corpus.epoch(0, tokens)[0]
    times: dict[int, list[float]] = {count: [] for count in COUNTS}
    for number in range(rounds + 1):
        for count in COUNTS:
            seconds = _timed(lambda count=count: _step(model, optimizer, corpus, rows, count))
            if number:  # the first round only warms up
                times[count].append(seconds)
    return {count: statistics.median(each) for count, each in times.items()}


def _step(
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    corpus: Corpus,
    rows: np.ndarray,
    count: int,
) -> None:
    parts = [
        [corpus.batch(part) for part in share_rows([rows], number, count)]
        for number in range(count)
    ]

    def backward(number: int) -> None:
        for batch in parts[number]:
            batch_loss(model, batch, LABEL_SMOOTHING).smoothed.backward()

    sum_gradients(list(model.parameters()), Processes(), count, backward)
    clip_and_update(
        optimizer, torch.zeros(()), learning_rate=LEARNING_RATE, clip_norm=CLIP_NORM, tokens=1000
    )


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def exchange(shape: Shape, rounds: int) -> None:
    """Exchange gradients as one of several processes; the first prints the median seconds."""
    torch.set_num_threads(1)
    processes = Processes()
    processes.meet()
    parameters = list(Transformer(shape.config()).parameters())

    def backward(_: int) -> None:
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)

    def ring() -> None:
        backward(0)
        whole = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        dist.all_reduce(whole)
        for parameter, part in zip(
            parameters, whole.split([p.numel() for p in parameters]), strict=True
        ):
            parameter.grad = part.view_as(parameter)

    times: dict[str, list[float]] = {"tree": [], "ring": []}
    for number in range(rounds + 1):
        for name, work in (
            ("tree", lambda: sum_gradients(parameters, processes, processes.count, backward)),
            ("ring", ring),
        ):
            for parameter in parameters:
                parameter.grad = None
            processes.wait()
            seconds = _timed(work)
            if number:
                times[name].append(seconds)
    if processes.first:
        print(json.dumps({name: statistics.median(each) for name, each in times.items()}))
    processes.wait()
    processes.leave()


def exchange_seconds(count: int, quick: bool) -> dict[str, float]:
    """Return the median seconds of both ways of summing gradients over processes."""
    interface = loopback()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "WORLD_SIZE": str(count), MEETING: str(Path(folder) / "meeting"),
            **({"GLOO_SOCKET_IFNAME": interface} if interface else {}),
        }  # fmt: skip
        environment.pop(LEASH, None)
        command = [sys.executable, "-m", __spec__.name, "--member", *(["--quick"] * quick)]
        members = [
            subprocess.Popen(
                command, env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True
            )
            for rank in range(count)
        ]
        outputs = [member.communicate(timeout=600)[0] for member in members]
    if any(member.returncode for member in members):
        raise SystemExit("A process of the exchange has failed; its message is above.")
    return dict(json.loads(outputs[0]))


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and keep the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--processes", type=int, default=2, help="that exchange gradients [2]")
    parser.add_argument("--tokens", type=int, default=4096, help="of a step [4096]")
    parser.add_argument("--member", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    shape = QUICK if options.quick else Shape()
    rounds = 2 if options.quick else 9
    if options.member:
        exchange(shape, rounds)
        return
    torch.set_num_threads(1)
    steps = step_seconds(shape, 256 if options.quick else options.tokens, rounds)
    ways = exchange_seconds(options.processes, options.quick)
    publish(_result(steps, ways, shape, options), options)


def _result(
    steps: dict[int, float], ways: dict[str, float], shape: Shape, options: argparse.Namespace
) -> dict[str, Any]:
    size = 4 * sum(p.numel() for p in Transformer(shape.config()).parameters())
    count = options.processes
    traffic = 2 * (count - 1) / count * size
    return {
        "name": "elastic_training",
        "title": "Training with the same bits on any number of processes",
        "machine": machine(),
        "steps": {str(number): seconds for number, seconds in steps.items()},
        "exchange": ways,
        "gradient_bytes": size,
        "bytes_sent": traffic,
        "tables": [
            {
                "title": f"A step of one process and thread, gradients of {size / 1e6:.1f} MB",
                "header": ["micro-batches", "seconds", "of one"],
                "rows": [
                    [str(number), f"{seconds:.3f}", f"{seconds / steps[1]:.3f}"]
                    for number, seconds in steps.items()
                ],
            },
            {
                "title": f"Exchange among {count} processes, {traffic / 1e6:.1f} MB from each",
                "header": ["way", "seconds", "of the ring"],
                "rows": [
                    [name, f"{seconds:.4f}", f"{seconds / ways['ring']:.2f}"]
                    for name, seconds in ways.items()
                ],
            },
        ],
        "verdicts": [],
    }


if __name__ == "__main__":
    main()
