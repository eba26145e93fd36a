"""What it costs that any number of processes ends with the same bits.

    python -m benchmarks.training.elastic [--quick] [--json] [--processes 2]

Two measurements of whole steps (forward, backward, sum of the gradients, clipping, AdamW). All ways
take turns, so that what slows one slows the others; the ratios are medians over the rounds:

- one process: a step in 1, 2, 4 and 8 micro-batches, whose gradients the tree adds;
- several processes: PyTorch's DistributedDataParallel, in which each computes its share of the
  rows at once, beside the tree with as many micro-batches as processes, 2 and 4 times as many.

It takes about a minute on two cores.
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from clearhead.nn.transformer import Transformer
from clearhead.text.batches import Batch, Corpus
from clearhead.training.processes.gradients import sum_gradients
from clearhead.training.processes.launch import LEASH, MEETING, loopback
from clearhead.training.processes.parallel import Processes, share_rows
from clearhead.training.processes.tree import share_of
from clearhead.training.step import batch_loss, clip_and_update

from ..machine import machine
from ..report import add_arguments, publish
from .data import RandomStore
from .systems import CLIP_NORM, LABEL_SMOOTHING, LEARNING_RATE, QUICK, Shape

COUNTS = (1, 2, 4, 8)  # micro-batches of one process
TIMES = (1, 2, 4)  # so many micro-batches to a process, where there are several
_PATIENCE = 900  # seconds

Step = Callable[[], None]


class Loss(nn.Module):
    """The model up to its loss, which is what DistributedDataParallel wraps."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        """Return the sum of a batch's losses."""
        return batch_loss(self.model, batch, LABEL_SMOOTHING).smoothed


def fresh_model(shape: Shape) -> tuple[Transformer, torch.optim.Optimizer]:
    """Return a model of a shape with its optimizer; the same weights each time."""
    torch.manual_seed(0)
    model = Transformer(shape.config()).train()
    return model, torch.optim.AdamW(model.parameters(), fused=True)


def tree_step(shape: Shape, corpus: Corpus, tokens: int, processes: Processes, count: int) -> Step:
    """Return our step, in so many micro-batches, of which this process has its share."""
    model, optimizer = fresh_model(shape)
    rows = corpus.epoch(0, tokens)[0]
    own = range(*share_of(processes.rank, processes.count, count))
    parts = {number: [*map(corpus.batch, share_rows([rows], number, count))] for number in own}

    def backward(number: int) -> None:
        for batch in parts[number]:
            batch_loss(model, batch, LABEL_SMOOTHING).smoothed.backward()

    def step() -> None:
        sum_gradients(list(model.parameters()), processes, count, backward)
        _update(optimizer)

    return step


def ddp_step(shape: Shape, corpus: Corpus, tokens: int, processes: Processes) -> Step:
    """Return the step of DistributedDataParallel, with the same rows."""
    model, optimizer = fresh_model(shape)
    wrapped = DistributedDataParallel(Loss(model))
    rows = corpus.epoch(0, tokens)[0]
    batches = [*map(corpus.batch, share_rows([rows], processes.rank, processes.count))]

    def step() -> None:
        for batch in batches:
            wrapped(batch).backward()
        _update(optimizer)

    return step


def _update(optimizer: torch.optim.Optimizer) -> None:
    clip_and_update(
        optimizer, torch.zeros(()), learning_rate=LEARNING_RATE, clip_norm=CLIP_NORM, tokens=1000
    )


def take_turns(
    ways: Mapping[str, Step], rounds: int, wait: Callable[[], None]
) -> dict[str, list[float]]:
    """Return the seconds of each way's steps; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, step in ways.items():
            wait()
            start = time.perf_counter()
            step()
            wait()  # the slowest process decides
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def corpus_of(shape: Shape, tokens: int) -> Corpus:
    """Return random pairs, of which an epoch's first batch has so many tokens."""
    return Corpus([RandomStore(4 * tokens, shape.vocab_size)], [1.0], seed=0)  # type: ignore[list-item]


def one_process(shape: Shape, tokens: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of steps of this process, by the number of micro-batches."""
    corpus, alone = corpus_of(shape, tokens), Processes()
    ways = {str(count): tree_step(shape, corpus, tokens, alone, count) for count in COUNTS}
    return take_turns(ways, rounds, lambda: None)


def member(shape: Shape, tokens: int, rounds: int) -> None:
    """Work as one of several processes; the first prints the seconds of all ways."""
    torch.set_num_threads(1)
    processes = Processes()
    processes.meet()
    corpus = corpus_of(shape, tokens)
    ways = {"DDP": ddp_step(shape, corpus, tokens, processes)}
    for times in TIMES:
        count = times * processes.count
        name = f"tree of {count} micro-batches"
        ways[name] = tree_step(shape, corpus, tokens, processes, count)
    seconds = take_turns(ways, rounds, processes.wait)
    if processes.first:
        print(json.dumps(seconds))
    processes.wait()
    processes.leave()


def several_processes(options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the seconds of steps of several processes, by their way to sum gradients."""
    interface = loopback()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "WORLD_SIZE": str(options.processes),
            MEETING: str(Path(folder) / "meeting"),
            **({"GLOO_SOCKET_IFNAME": interface} if interface else {}),
        }  # fmt: skip
        environment.pop(LEASH, None)
        command = [sys.executable, "-m", __spec__.name, "--member", "--tokens", str(options.tokens)]
        command += ["--quick"] * options.quick
        members = [
            subprocess.Popen(
                command, env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True
            )
            for rank in range(options.processes)
        ]
        try:
            outputs = [each.communicate(timeout=_PATIENCE)[0] for each in members]
        finally:  # one that has failed leaves the others waiting
            for each in members:
                each.kill()
    if any(each.returncode for each in members):
        raise SystemExit("A process of the benchmark has failed; its message is above.")
    return dict(json.loads(outputs[0]))


def ratios(times: Mapping[str, Sequence[float]], to: str) -> dict[str, float]:
    """Return each way's seconds divided by another's of the same round: the median."""
    return {
        name: statistics.median(one / other for one, other in zip(each, times[to], strict=True))
        for name, each in times.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and keep the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--processes", type=int, default=2, help="that share a step [2]")
    parser.add_argument("--tokens", type=int, default=4096, help="of a step [4096]")
    parser.add_argument("--member", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    shape = QUICK if options.quick else Shape()
    rounds = 2 if options.quick else 9
    if options.quick:
        options.tokens = min(options.tokens, 256)
    if options.member:
        member(shape, options.tokens, rounds)
        return
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = one_process(shape, options.tokens, rounds)
    finally:
        torch.set_num_threads(before)
    publish(_result(alone, several_processes(options), shape, options), options)


def _table(title: str, first: str, times: Mapping[str, Sequence[float]], to: str) -> dict[str, Any]:
    parts = ratios(times, to)
    return {
        "title": title,
        "header": [first, "seconds", f"of {to}"],
        "rows": [
            [name, f"{statistics.median(each):.3f}", f"{parts[name]:.3f}"]
            for name, each in times.items()
        ],
    }


def _result(
    alone: Mapping[str, Sequence[float]],
    shared: Mapping[str, Sequence[float]],
    shape: Shape,
    options: argparse.Namespace,
) -> dict[str, Any]:
    size = 4 * sum(p.numel() for p in Transformer(shape.config()).parameters())
    count = options.processes
    traffic = 2 * (count - 1) / count * size
    every = f"a step of {options.tokens:,} tokens, gradients of {size / 1e6:.1f} MB"
    names = [name for name in shared if name != "DDP"]
    parts = ratios(shared, "DDP")
    return {
        "name": "elastic_training",
        "title": "Training with the same bits on any number of processes",
        "machine": machine(),
        "one_process": {name: list(each) for name, each in alone.items()},
        "processes": {name: list(each) for name, each in shared.items()},
        "gradient_bytes": size,
        "bytes_sent": traffic,
        "tables": [
            _table(f"One process and thread: {every}", "micro-batches", alone, "1"),
            _table(
                f"{count} processes of one thread: {every}, {traffic / 1e6:.1f} MB sent by each",
                "gradients summed by", shared, "DDP",
            ),
        ],
        "verdicts": [
            f"{name}: {parts[name]:.2f} times the seconds of DistributedDataParallel"
            for name in names
        ],
    }  # fmt: skip


if __name__ == "__main__":
    main()
