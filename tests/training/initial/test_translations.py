"""Translations on the way are those of the finished model, searched greedily."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearhead.training.loop import Trainer
from clearhead.training.processes.parallel import Processes
from clearhead.translation.pretrained_translator import PretrainedTranslator
from tests.training.conftest import WORDS
from tests.training.initial.folders import save_model, settings_of

pytest.importorskip("torch")


def test_they_are_those_of_the_finished_model(tmp_path: Path) -> None:
    """The language comes first, as the model's own files say once it is finished."""
    save_model(tmp_path / "model", "NLLB")
    settings = settings_of("NLLB", tmp_path, tmp_path / "model", average=1, max_steps=1)
    trainer = Trainer(settings, tmp_path / "run")
    finished = trainer.train()
    pairs = trainer.data.translation_set(4)
    texts = pairs.translate(trainer.model.eval(), Processes())
    translator = PretrainedTranslator.load(finished)
    longest = pairs.sources and max(
        2 * batch.target_output.shape[1] for batch in trainer.data.development
    )
    theirs = translator.translate(pairs.source_texts, beam_size=1, max_length=longest, split=False)
    assert [one.text for one in theirs] == texts
    assert len(texts) == 4
    assert set(" ".join(pairs.references).split()) <= set(WORDS)
