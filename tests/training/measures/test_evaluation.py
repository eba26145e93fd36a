"""A measurement goes into the log with all that belongs to it, and ends a run that has diverged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import TrainingError
from clearhead.training.checkpoint import states
from clearhead.training.loop import Trainer
from clearhead.training.measures.evaluation import Evaluation
from clearhead.training.run_folder.log import read_log
from clearhead.training.settings import Settings


def test_the_log_has_scores_hashes_and_samples(
    table: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.train()
    rows = read_log(tmp_path / "run/log.jsonl")
    kinds = [row["kind"] for row in rows if row["step"] == 12]
    assert kinds == ["train", "development", "weights", "translations"]
    development, weights, translated = rows[-3:]
    assert development.keys() >= {"loss", "bleu", "chrf", "weights"}
    assert set(weights["tensors"]) == set(trainer.model.state_dict())
    assert {len(value) for value in weights["tensors"].values()} == {16}
    assert translated["samples"][0].keys() == {"source", "translation", "reference"}
    assert "BLEU " in capsys.readouterr().err


def test_a_diverging_run_is_stopped_with_a_sentence(
    table: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([30.0, 5.0, 12.0])  # high at the first measurement may yet fall
    monkeypatch.setattr(Evaluation, "loss", lambda _: next(losses))
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    with pytest.raises(TrainingError) as error_info:
        trainer.train()
    message = str(error_info.value)
    assert message.startswith(
        "With the weights after step 12 the development loss is 12 nats, where mere guessing "
        "gives 5.7 and 5 was reached before, so they are not saved and training stops. "
    )
    assert "with a lower training.learning_rate" in message
    assert [state.name for state in states(tmp_path / "run")] == ["step-00000004", "step-00000008"]
