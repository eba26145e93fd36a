"""Steps of two processes of one thread each: clearhead's tree beside DistributedDataParallel.

    python -m benchmarks.training --only processes

All systems live in the same processes and take their steps in turn; each process has half of the
rows of every batch.
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
from pathlib import Path

import torch

from clearhead.training.processes.launch import LEASH, MEETING, loopback
from clearhead.training.processes.parallel import Processes

from ..paths import ROOT, search_path
from . import systems
from .data import even_batches, part_of, varied_batches


def seconds_together(count: int, precision: str, rounds: int, quick: bool) -> dict[str, dict]:
    """Return median seconds of a step on each kind of batch, by system; and its tokens."""
    interface = loopback()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "PYTHONPATH": search_path(), "OMP_NUM_THREADS": "1",
            "WORLD_SIZE": str(count), MEETING: str(Path(folder) / "meeting"),
            **({"GLOO_SOCKET_IFNAME": interface} if interface else {}),
        }  # fmt: skip
        environment.pop(LEASH, None)
        command = [sys.executable, "-m", "benchmarks.training.together", precision, str(rounds)]
        members = [
            subprocess.Popen(
                [*command, *(["--quick"] * quick)], cwd=ROOT,
                env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True,
            )
            for rank in range(count)
        ]  # fmt: skip
        outputs = [member.communicate(timeout=900)[0] for member in members]
    if any(member.returncode for member in members):
        raise SystemExit("A process of the comparison has failed; its message is above.")
    result: dict[str, dict] = json.loads(outputs[0].splitlines()[-1])
    return result


def _member(precision: str, rounds: int, quick: bool) -> None:
    """Take the steps of one of the processes; the first prints the result."""
    torch.set_num_threads(1)
    here = Processes()
    here.meet()
    shape = systems.QUICK if quick else systems.Shape()
    torch.manual_seed(0)
    every = {name: variants[0](shape, precision) for name, variants in systems.makers().items()}
    kinds = {
        "128 x 14": even_batches(shape, *((4, 5) if quick else (128, 14)), 1),
        "4,096 tokens, varied lengths": varied_batches(shape, 64 if quick else 4096, 2),
    }
    result = {}
    for kind, batches in kinds.items():
        parts = [part_of(batch, here.rank, here.count) for batch in batches]
        times: dict[str, list[float]] = {name: [] for name in every}
        for number in range(rounds + 1):
            for name, system in every.items():
                here.wait()
                start = time.perf_counter()
                for part in parts:
                    system(part)
                here.wait()
                if number:  # the first round only warms up
                    times[name].append(time.perf_counter() - start)
        result[kind] = {
            "tokens": sum(batch.target_tokens for batch in batches),
            "seconds": {name: statistics.median(each) for name, each in times.items()},
        }
    if here.first:
        print(json.dumps(result))
    here.wait()
    here.leave()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("precision")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    _member(options.precision, options.rounds, options.quick)
