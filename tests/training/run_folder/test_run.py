"""The folder of a run: one training at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import CheckpointError, ClearheadError, CorpusError, TrainingError
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.run import RunLock, open_run
from clearhead.training.settings import Settings
from tests.strangers import SPOILT, edits, pipe, refusal, spoilt

ROOT = Path(__file__).parents[3]

HOLD = """
import sys, time
from pathlib import Path
from clearhead.training.run_folder.run import RunLock
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
        with pytest.raises(TrainingError) as error_info:
            RunLock(run).acquire()
        assert str(error_info.value) == (
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
    with pytest.raises(CorpusError) as error_info:
        Trainer(settings, tmp_path / "run")
    corpus.write_text(good)
    Trainer(settings, tmp_path / "run").train()
    assert error_info


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_spoilt_settings_of_a_run(tmp_path: Path, tiny: Settings, how: str) -> None:
    open_run(tmp_path / "run", tiny)
    with spoilt(tmp_path / "run/settings.json", how) as path:
        message = refusal(CheckpointError, lambda: open_run(tmp_path / "run", tiny))
    assert message is not None
    assert message.startswith(f"Cannot read {path}: ")
    assert "put it back" in message


def test_every_setting_replaced_by_values_of_every_type(tmp_path: Path, tiny: Settings) -> None:
    run = tmp_path / "run"
    open_run(run, tiny)
    (run / "step-00000004").mkdir()
    settings_of_run = json.loads((run / "settings.json").read_text())
    refusals = 0
    for _, changed in edits(settings_of_run):
        (run / "settings.json").write_text(json.dumps(changed))
        refusals += refusal(ClearheadError, lambda: open_run(run, tiny)) is not None
    assert refusals > 300


@pytest.mark.parametrize("name", ["lock", "log.jsonl", "held_out.development.tsv"])
def test_a_pipe_in_a_run_does_not_hang_it(table: dict[str, Any], tmp_path: Path, name: str) -> None:
    table["data"] |= {"development": None, "held_out_share": 0.3}
    table["data"]["corpus"][0]["held_out"] = True
    (tmp_path / "run").mkdir()
    with pipe(tmp_path / "run" / name) as path:
        message = refusal(
            ClearheadError, lambda: Trainer(Settings.from_dict(table), tmp_path / "run")
        )
    assert message is not None
    assert str(path) in message
