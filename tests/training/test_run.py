"""The folder of a run: one training at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import CorpusError, TrainingError
from clearhead.training.loop import Trainer
from clearhead.training.run import RunLock
from clearhead.training.settings import Settings

ROOT = Path(__file__).parents[2]

HOLD = """
import sys, time
from pathlib import Path
from clearhead.training.run import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
print("locked", flush=True)
time.sleep(120)
"""


def test_a_second_training_in_the_same_folder_is_refused_until_the_first_is_gone(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = tmp_path / "run"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(TrainingError) as caught:
            RunLock(run).acquire()
        assert str(caught.value) == (
            f"Another training is at work in {run}. Wait until it ends or stop it, or give this "
            f"one another folder with --run."
        )
    finally:
        holder.kill()
        holder.communicate()
    lock = RunLock(run)  # the kernel let go of it
    lock.acquire()
    lock.release()


def test_a_trainer_holds_the_folder_until_it_ends(tiny: Settings, tmp_path: Path) -> None:
    first = Trainer(tiny, tmp_path / "run")
    settings = (tmp_path / "run/settings.json").read_bytes()
    with pytest.raises(TrainingError, match="Another training is at work in"):
        Trainer(tiny, tmp_path / "run")
    assert (tmp_path / "run/settings.json").read_bytes() == settings
    first.train()
    Trainer(tiny, tmp_path / "run").train()


def test_a_trainer_that_cannot_begin_lets_go(table: dict[str, Any], tmp_path: Path) -> None:
    corpus = Path(table["data"]["corpus"][0]["path"])
    good = corpus.read_text()
    corpus.write_text("no tab\n")
    settings = Settings.from_dict(table)
    with pytest.raises(CorpusError) as caught:
        Trainer(settings, tmp_path / "run")
    corpus.write_text(good)
    Trainer(settings, tmp_path / "run").train()
    assert caught
