"""A training run on the page: each question goes to the checkpoint that it names."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.explorer import explorer_of
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.offline.answers import PageAnswers
from clearhead.explorer.training_run import TrainingRun, is_training_run
from clearhead.translation.checkpoint import read_run_checkpoint
from tests.explorer.runs import write_run

TEXT = "The cat"
WEIGHTS = "cross_attention.weights"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="module")
def run(folder):
    return explorer_of(folder)


def weights_at(explorer, **more):
    items = [{"path": f"decoder.layers.1.{WEIGHTS}"}]
    asked = {"run": {"text": TEXT, "target": "Le chat", **more}, "items": items}
    return explorer.answer("array", asked).arrays["0"]


def test_the_model_names_its_checkpoints_with_their_losses(run):
    answer = run.answer("model").json
    assert answer["name"] == "tiny"
    assert answer["checkpoints"] == [
        {"step": 0, "development_loss": 6.25},
        {"step": 4},
        {"step": 8, "development_loss": 3.5},
    ]


def test_a_question_is_answered_by_the_checkpoint_that_it_names(run, folder):
    seen = {}
    for step in (0, 4, 8):
        alone = Explorer(read_run_checkpoint(folder, step))
        seen[step] = weights_at(run, checkpoint=step)
        assert np.array_equal(seen[step], weights_at(alone))
    assert not np.array_equal(seen[0], seen[4])
    assert np.array_equal(weights_at(run), seen[8])
    nearest = [
        run.answer("neighbours", {"token": 300, "stack": "encoder", "checkpoint": step}).json
        for step in (0, 4)
    ]
    assert nearest[0]["length"] != nearest[1]["length"]


def test_the_answer_says_which_checkpoint_it_is_of(run):
    for asked, step in ({"checkpoint": 4}, 4), ({}, 8):
        json = run.answer("run", {"text": TEXT, **asked}).json
        assert json["request"]["checkpoint"] == step


def test_a_checkpoint_that_is_not_there(run):
    with pytest.raises(ConfigError, match=r"no checkpoint of step 5; it has those of 0, 4, 8\."):
        run.answer("run", {"text": TEXT, "checkpoint": 5})
    with pytest.raises(ConfigError, match="There is no question 'weather'"):
        run.answer("weather")


def test_a_model_alone_has_no_checkpoints(explorer):
    assert "checkpoints" not in explorer.answer("model").json
    with pytest.raises(ConfigError, match="checkpoint of step 4, and this is no training run"):
        explorer.answer("run", {"text": TEXT, "checkpoint": 4})


def test_newer_and_removed_checkpoints_of_a_run_that_goes_on(tmp_path):
    run = TrainingRun(write_run(tmp_path / "run", (0, 4)))
    write_run(tmp_path / "run", (12,))
    shutil.rmtree(tmp_path / "run" / "step-00000000")
    assert [one["step"] for one in run.answer("model").json["checkpoints"]] == [4, 12]
    assert run.answer("run", {"text": TEXT}).json["request"]["checkpoint"] == 12


def test_a_saved_page_has_the_checkpoint_that_it_shows(run):
    page = PageAnswers(run, {"text": TEXT, "checkpoint": 4}, "", effect_seconds=0)
    assert page.model["checkpoints"] == [{"step": 4}]
    assert page.request["checkpoint"] == 4


def test_what_is_no_run_or_cannot_be_shown(tmp_path, folder):
    assert is_training_run(folder)
    assert not is_training_run(folder / "step-00000000")
    assert not is_training_run("en-fr")
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "settings.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"has no checkpoint yet\. Open it again when"):
        explorer_of(begun)
    earlier = write_run(tmp_path / "earlier", (4,))
    (earlier / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"lacks config.json.*Start its clearhead train once"):
        explorer_of(earlier)
    with pytest.raises(ConfigError, match="A task is for models that translate"):
        explorer_of(folder, task="en-fr")
