"""SIGKILL at moments nobody chose: the run goes on and ends with the same bits."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clearhead.training.checkpoint import states
from clearhead.training.run_folder.log import read_log
from tests.training.conftest import ONE_SIDED, tiny_table
from tests.training.forked import Training

STEPS = 60


def wait_until(training: Training, ready: Callable[[], bool]) -> None:
    """Until something is there, or the process has ended."""
    deadline = time.monotonic() + 120
    while not ready() and training.is_running:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def last_step(run: Path) -> int:
    return max((int(path.name[5:]) for path in states(run)), default=0)


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
    reference = Training(table, whole)
    moments = random.Random()

    # The first time while the corpora are prepared, then twice somewhere between two checkpoints
    # or in the middle of writing one.
    process = Training(table, killed)
    wait_until(process, lambda: any(killed.glob("data/*")))
    process.kill()
    assert last_step(killed) == 0
    for _ in range(2):
        before = len(states(killed))
        process = Training(table, killed)
        step = before + moments.randint(1, 4)  # complete ones: a draft may be lost to the kill
        wait_until(process, lambda step=step: len(states(killed)) >= step)
        time.sleep(moments.random() * 0.05)
        process.kill()
        assert before < len(states(killed))
        assert last_step(killed) < STEPS
    messages = Training(table, killed).finish()
    reference.finish()

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
