"""What a model translates on the way is scored as its translator would be, and can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import MissingExtraError
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.training.loop import Trainer
from clearhead.training.measures import translations
from clearhead.training.measures.translations import TranslationSet, sample_rows, sentences
from clearhead.training.settings import Settings
from clearhead.translation.checkpoint import read_run_checkpoint


@pytest.fixture
def trainer(table: dict[str, Any], tmp_path: Path) -> Trainer:
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.train()
    return trainer


def test_translations_are_those_of_the_reference(trainer: Trainer, tmp_path: Path) -> None:
    pairs = TranslationSet(trainer.data.development, trainer.data.tokenizer, 5)
    assert len(pairs.references) == 5
    assert len({len(text.split()) for text in pairs.source_texts}) > 2  # of all lengths
    ours = pairs.translate(trainer.model, trainer.processes)
    checkpoint = read_run_checkpoint(tmp_path / "run", 12)
    settings = SearchSettings(beam_size=1, max_length=checkpoint.config.max_length - 1)
    sources = [[*checkpoint.tokenizer.encode(text), 2] for text in pairs.source_texts]
    theirs = [
        checkpoint.tokenizer.decode(each[0].tokens)
        for each in search(checkpoint.engine(), sources, settings)
    ]
    assert ours == theirs


def test_what_a_person_wrote_has_a_hundred(trainer: Trainer) -> None:
    pairs = TranslationSet(trainer.data.development, trainer.data.tokenizer, 100)
    assert len(pairs.references) == 12
    measure = pairs.measure(pairs.references)
    assert measure.scores == pytest.approx({"bleu": 100.0, "chrf": 100.0})
    assert measure.signatures["bleu"].startswith("nrefs:1|")
    samples = sample_rows(measure)
    assert len(samples) == translations.SAMPLES
    assert all(row["translation"] == row["reference"] for row in samples)
    words, *lines = sentences(measure)
    assert words == "BLEU 100.00, chrF 100.00"
    middle = measure.samples[1]
    assert lines == [
        f"  source:      {middle.source}",
        f"  translation: {middle.translation}",
        f"  reference:   {middle.reference}",
    ]


def test_without_sacrebleu_there_are_samples_alone(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any) -> None:
        raise MissingExtraError("sacrebleu")

    monkeypatch.setattr(translations, "scores", missing)
    pairs = TranslationSet(trainer.data.development, trainer.data.tokenizer, 2)
    measure = pairs.measure(["a", "b"])
    assert measure.scores == {}
    assert len(measure.samples) == 2
    assert sentences(measure)[0].startswith("  source:")


def test_a_translation_without_end_does_not_fill_the_terminal(trainer: Trainer) -> None:
    pairs = TranslationSet(trainer.data.development, trainer.data.tokenizer, 1)
    measure = pairs.measure(["the " * 100])
    assert sentences(measure)[-2] == f"  translation: {'the ' * 40}... and 240 characters more"
    assert sample_rows(measure)[0]["translation"] == "the " * 100
