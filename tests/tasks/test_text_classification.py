"""Labels for texts, by a classifier of ours."""

from __future__ import annotations

import numpy as np
import pytest

import clearhead as ch
from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.tasks.text_classification import labels_of
from tests.translation.conftest import write_checkpoint, write_classifier

TEXTS = ["The old man.", "Where is the station?", "A cup of tea, please.", "The old woman."] * 30


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return ch.load(write_classifier(tmp_path_factory.mktemp("models") / "classifier"))


def test_the_labels_are_those_of_the_first_position(model):
    text = TEXTS[0]
    ids = model.tokenizer.encode(text)
    assert (ids[0], ids[-1]) == (model.config.start_id, model.config.end_id)
    logits = model.logits([ids])[0, 0]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    result = model.classify(text)
    names = ("no", "so so", "yes")
    assert labels_of(model._ground) == names
    assert [one.name for one in result.labels] == [names[i] for i in np.argsort(-logits)]
    assert result.labels[0].probability == pytest.approx(probabilities.max(), rel=1e-5)
    assert model.trace(text)["logits"].value[0, 0] == pytest.approx(logits, rel=1e-5)
    assert model.token_id("so so") == 1


def test_a_text_has_the_same_numbers_among_others(model):
    alone = [model.classify(text, top=1) for text in TEXTS[:4]]
    assert model.classify(TEXTS, top=1) == alone * 30
    assert model.classify([]) == []


def test_what_is_refused(model, tmp_path):
    with pytest.raises(TextError, match=r"Text 2 has \d+ tokens, and this model reads 64 at most"):
        model.classify(["tea", "tea and tea " * 40])
    with pytest.raises(ConfigError, match="top must be a whole number"):
        model.classify("tea", top=0)
    with pytest.raises(CheckpointError, match="does not generate; its tasks: classify"):
        model.generate("tea")
    other = ch.load(write_checkpoint(tmp_path / "model", encoder_layers=0))
    assert labels_of(other._ground) == ()
    with pytest.raises(CheckpointError, match="does not classify texts; its tasks: generate"):
        other.classify("tea")
