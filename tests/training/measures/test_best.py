"""The best model is kept whole, and replaced by a better one only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from clearhead.errors import ConfigError
from clearhead.training.loop import Trainer
from clearhead.training.measures.best import BestModel, best_of
from clearhead.training.measures.evaluation import Evaluation
from clearhead.training.settings import Settings
from clearhead.translation.translator import Translator


def writer(folder: Path, weights: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"provenance": {"best": dict(facts)}}))


@pytest.mark.parametrize(
    ("measure", "values", "kept"),
    [
        ("loss", [3.0, 2.0, 2.0, 2.5, 1.0], [1, 2, 5]),
        ("bleu", [3.0, 2.0, 4.0, 4.0], [1, 3]),
        ("none", [1.0, 2.0], []),
    ],
)
def test_only_a_better_one_takes_its_place(
    tmp_path: Path, measure: str, values: list[float], kept: list[int]
) -> None:
    best = BestModel(tmp_path, measure, writer)
    name = "loss" if measure == "none" else measure
    offers = [best.offer(step, {}, {name: value}) for step, value in enumerate(values, 1)]
    assert [step for step, offer in enumerate(offers, 1) if offer] == kept
    if kept:
        assert best_of(tmp_path / "best") == (measure, values[kept[-1] - 1], kept[-1])
        best.forget()
    assert best_of(tmp_path / "best") is None


def test_a_run_keeps_the_model_that_measured_best(
    table: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([5.0, 3.0, 4.0])
    monkeypatch.setattr(Evaluation, "loss", lambda _: next(losses))
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    folder = trainer.train()
    assert best_of(tmp_path / "run/best") == ("loss", 3.0, 8)
    best, state, last = (
        {name: values.tobytes() for name, values in load_file(of / "model.safetensors").items()}
        for of in (tmp_path / "run/best", tmp_path / "run/step-00000008", folder)
    )
    assert best == state
    assert best != last
    assert Translator.load(tmp_path / "run/best").translate("one two").text is not None


def test_what_is_not_measured_decides_nothing(table: dict[str, Any]) -> None:
    table["training"]["best"] = "accuracy"
    with pytest.raises(ConfigError, match="'accuracy' is not measured in this run; loss and bleu"):
        Settings.from_dict(table)
    table["training"] |= {"best": "bleu", "translated_pairs": 0}
    with pytest.raises(ConfigError, match=r"loss is\. With training\.translated_pairs above 0"):
        Settings.from_dict(table)
