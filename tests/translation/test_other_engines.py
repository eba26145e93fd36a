"""A translator with another engine: the same texts, with all that stands around a sentence."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.translation.translator import Translator
from tests.volume.conftest import cache, checkpoint, make_checkpoint  # noqa: F401

TEXTS = [
    "The old man walks slowly.",
    "",
    "Tom: WHERE IS THE <b>STATION</b>?",
    "A cup of tea for {name}, please! It costs 1,200.\n\n  - the house by the river",
    "the old man walks slowly",
]


@pytest.fixture
def translator(checkpoint, cache):  # noqa: F811
    return Translator.from_checkpoint(checkpoint)


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_the_same_texts_scores_and_alignments(translator, engine):
    pytest.importorskip(engine)
    settings = {"beam_size": 1, "max_length": 24, "alignment": True}
    ours = translator.translate(TEXTS, **settings)
    assert translator.engine_choice is None
    theirs = translator.translate(TEXTS, engine=engine, **settings)
    assert translator.engine_choice.engine == engine
    for here, there in zip(ours, theirs, strict=True):
        assert there.text == here.text
        assert there.score == pytest.approx(here.score, abs=1e-3)
        assert there.pairs() == here.pairs()
    assert "{name}" in theirs[3].text


def test_few_texts_are_for_the_readable_engine(translator):
    text = translator.translate("The old man walks.", max_length=9)
    auto = translator.translate("The old man walks.", max_length=9, engine="auto")
    assert auto == text
    assert str(translator.engine_choice) == "numpy, float32 (few texts)"


def test_many_texts_are_for_another_one(translator, monkeypatch):
    pytest.importorskip("ctranslate2")
    choice = translator.choose_engine(characters=10**10)
    assert (choice.engine, choice.compute) == ("ctranslate2", "float32")
    assert translator.engine_choice is choice


def test_an_engine_alone_has_no_others(translator):
    alone = Translator(translator.engine, translator.tokenizer, translator.config)
    with pytest.raises(ConfigError, match=r"Use Translator\.load or Translator\.from_checkpoint"):
        alone.translate("tea", engine="auto")


def test_a_folder_is_read_again_rather_than_kept(model_folder, cache, monkeypatch):  # noqa: F811
    pytest.importorskip("torch")
    translator = Translator.load(model_folder)
    assert translator._checkpoint is None
    ours = translator.translate("The old man.", max_length=6)
    theirs = translator.translate("The old man.", max_length=6, engine="torch")
    assert theirs.text == ours.text


def test_an_unknown_engine_is_refused(translator):
    with pytest.raises(ConfigError, match="engine must be one of auto, numpy"):
        translator.translate("tea", engine="jax")
