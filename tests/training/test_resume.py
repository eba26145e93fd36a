"""SIGKILL at moments nobody chose: the run goes on and ends with the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clearhead.training.checkpoint import states
from clearhead.training.run_folder.log import read_log
from tests.training.conftest import ONE_SIDED, tiny_table

ROOT = Path(__file__).parents[2]
STEPS = 60

# One process makes several runs, so that PyTorch is imported once for all that are not killed.
PROGRAM = """
import json, sys
from clearhead.training.loop import Trainer
from clearhead.training.settings import Settings
Trainer(Settings.from_dict(json.loads(sys.argv[1])), sys.argv[2]).train()
"""


def start(table: dict[str, Any], run: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, json.dumps(table), str(run)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def wait_until(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    """Until something is there, or the process has ended."""
    deadline = time.monotonic() + 120
    while not ready() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it had ended before it could be killed"


def last_step(run: Path) -> int:
    return max((int(path.name[5:]) for path in states(run)), default=0)


def finish(process: subprocess.Popen[str]) -> str:
    _, messages = process.communicate(timeout=120)
    assert process.returncode == 0, messages
    return messages


TASKS = {"translation": tiny_table, **ONE_SIDED}


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_killed_at_any_moment_it_ends_with_the_same_bits(task: str, tmp_path: Path) -> None:
    table = TASKS[task](tmp_path)
    table["training"] |= {
        "max_steps": STEPS,
        "checkpoint_every": 4,
        "evaluate_every": 6,
        "log_every": 1,
        "keep_checkpoints": 100,
        "warmup_steps": 10,
    }
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference = start(table, whole)
    moments = random.Random()

    # The first time while the corpora are prepared, then twice somewhere between two checkpoints
    # or in the middle of writing one.
    process = start(table, killed)
    wait_until(process, lambda: any(killed.glob("data/*")))
    kill(process)
    assert last_step(killed) == 0
    for _ in range(2):
        before = len(states(killed))
        process = start(table, killed)
        step = before + moments.randint(1, 4)  # complete ones: a draft may be lost to the kill
        wait_until(process, lambda step=step: len(states(killed)) >= step)
        time.sleep(moments.random() * 0.05)
        kill(process)
        assert before < len(states(killed))
        assert last_step(killed) < STEPS
    messages = finish(start(table, killed))
    finish(reference)

    final = json.loads((killed / f"step-{STEPS:08d}" / "progress.json").read_text())
    assert len(final["starts"]) == 3
    assert f"Going on from step {final['starts'][-1]}." in messages
    epoch_steps = json.loads((whole / "step-00000004/progress.json").read_text())
    assert epoch_steps["epoch"] == 0
    assert epoch_steps["batch"] == 4  # checkpoints lie in the middle of epochs
    for state in states(whole):
        for name in ("model.safetensors", "state.safetensors"):
            if (state / name).exists() and (killed / state.name / name).exists():
                ours = (killed / state.name / name).read_bytes()
                assert ours == (state / name).read_bytes(), (state.name, name)
    ours = (killed / "model/model.safetensors").read_bytes()
    assert ours == (whole / "model/model.safetensors").read_bytes()
    assert not list(killed.glob("*.part"))
    assert not list(killed.glob("*.old"))
    same_story(whole, killed)


def same_story(whole: Path, killed: Path) -> None:
    """The logs agree in all but time."""
    stories = [
        [
            {k: v for k, v in row.items() if k not in ("seconds", "tokens_per_second")}
            for row in read_log(run / "log.jsonl")
        ]
        for run in (whole, killed)
    ]
    assert [row["step"] for row in stories[0] if row["kind"] == "train"] == [*range(1, STEPS + 1)]
    assert stories[0] == stories[1]
