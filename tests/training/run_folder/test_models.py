"""The models in a run's folder, and what they are tested with, from the library and by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clearhead.cli.evaluate import command
from clearhead.errors import CheckpointError
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.models import is_run, model_of_run
from clearhead.training.run_folder.models import test_set_of_run as set_of_run
from clearhead.training.settings import Settings


@pytest.fixture
def run(table: dict[str, Any], tmp_path: Path) -> Path:
    table["training"]["max_steps"] = 4
    Trainer(Settings.from_dict(table), tmp_path / "run").train()
    return tmp_path / "run"


def test_each_model_of_a_run_is_evaluated(run: Path, tmp_path: Path) -> None:
    assert is_run(run)
    assert not is_run(run / "model")
    assert model_of_run(run, None) == run / "model"
    assert model_of_run(run, "last") == run / "step-00000004"
    assert set_of_run(run) == str(tmp_path / "development.tsv")
    scores = {}
    for which in ("mean", "best", "last"):
        outcome = CliRunner().invoke(
            command, [str(run), "--which", which, "--json", "--limit", "4"]
        )
        assert outcome.exit_code == 0, outcome.output
        assert f"test set: {tmp_path / 'development.tsv'}" in outcome.stderr
        scores[which] = json.loads(outcome.stdout)
    assert scores["last"]["model"] == str(run / "step-00000004")
    assert scores["last"]["scores"][0]["score"] == scores["best"]["scores"][0]["score"]
    outcome = CliRunner().invoke(command, ["en-fr", "--which", "best", "--pairs", "x.tsv"])
    assert "--which is of a training run" in outcome.output


def test_what_a_run_has_not_is_said(run: Path) -> None:
    (run / "model/config.json").unlink()
    assert model_of_run(run, None) == run / "best"
    with pytest.raises(CheckpointError, match=r"no mean model yet\. It has: --which best, --which"):
        model_of_run(run, "mean")
    (run / "held_out.test.tsv").write_text("a\tb\n")
    assert set_of_run(run) == str(run / "held_out.test.tsv")
    (run / "held_out.test.tsv").unlink()
    (run / "sources.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not say what it is tested with"):
        set_of_run(run)


def test_a_development_set_of_columns_or_two_files_is_found_as_the_run_read_it(
    tmp_path: Path,
) -> None:
    for name, corpus, keys in (
        ("columns", "csv:dev.csv:english:french", ["data.development"]),
        ("files", "d.en,d.fr", ["data.development, file 1", "data.development, file 2"]),
    ):
        (tmp_path / name).mkdir()
        rows = {key: {"path": f"/data/{number}"} for number, key in enumerate(keys)}
        (tmp_path / name / "sources.json").write_text(json.dumps(rows))
        settings = {"data": {"development": corpus}}
        (tmp_path / name / "settings.json").write_text(json.dumps(settings))
    assert set_of_run(tmp_path / "columns") == "csv:/data/0:english:french"
    assert set_of_run(tmp_path / "files") == "/data/0,/data/1"
