"""A survey reads batches of any kind, travels small, and sums up to the same bytes."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.surveys import HeadStatistics, HeadSurvey

TEXTS = ["hello world again", "the street was red", "the animal", "la rue la rue"]


@pytest.fixture(scope="module")
def survey(folder):
    return HeadSurvey(folder("gpt2"))


def test_texts_in_any_batches_give_the_same_bytes(survey):
    whole = survey.accumulate(TEXTS)
    assert whole.texts == 4
    parts = [survey.accumulate(TEXTS[2:]), survey.accumulate(TEXTS[:2])]
    assert (parts[0] + parts[1]).to_bytes() == whole.to_bytes()
    copy = pickle.loads(pickle.dumps(survey))
    assert copy._model is None
    assert copy.accumulate(TEXTS).to_bytes() == whole.to_bytes()
    assert len(pickle.dumps(survey)) < 1000


def test_a_batch_becomes_a_row_of_its_kind(survey):
    batch = {"text": [*TEXTS[:2], None, " "], "id": [1, 2, 3, 4]}
    row = survey(batch)
    assert row["statistics"] == [survey.accumulate(TEXTS[:2]).to_bytes()]
    assert json.loads(row["rejects"][0]) == [{"row": 3, "reason": "it is empty"}]
    pandas = pytest.importorskip("pandas")
    frame = survey(pandas.DataFrame(batch))
    assert frame["statistics"].tolist() == row["statistics"]
    total = HeadStatistics.merge(map(HeadStatistics.from_bytes, frame["statistics"]))
    assert total.texts == 2


def test_targets_come_from_a_column_of_their_own(folder):
    survey = HeadSurvey(folder("t5"), target_column="fr", layers=["decoder.*"])
    batch = {"text": ["the street", "hello"], "fr": ["la rue", None]}
    found = HeadStatistics.from_bytes(survey(batch)["statistics"][0])
    assert found.to_bytes() == survey.accumulate(["the street"], ["la rue"]).to_bytes()
    assert found.texts == 1
    assert all(name.startswith("decoder") for _, name, _ in found.layers)
    assert {layer.attention for layer in found.layers.values()} == {"self", "cross"}


def test_what_cannot_be_read_is_told(survey, folder, tmp_path):
    with pytest.raises(TextError, match=r"Text 1: it is empty\."):
        survey.accumulate(["the", ""])
    with pytest.raises(ConfigError, match="2 texts and 1 targets came"):
        survey.accumulate(["the", "a"], ["b"])
    with pytest.raises(ConfigError, match="Targets are for models with an encoder and a decoder"):
        survey.accumulate(["the"], ["b"])
    with pytest.raises(ConfigError, match=r"a list came\. For a list of texts there is `accum"):
        survey(TEXTS)
    with pytest.raises(ConfigError, match="no column 'text' in a batch with the columns 'a'"):
        survey({"a": TEXTS})
    with pytest.raises(TypeError, match="row 0 has another type"):
        survey({"text": [3]})
    with pytest.raises(ConfigError, match="both are 'text'"):
        HeadSurvey(folder("gpt2"), target_column="text")
    with pytest.raises(CheckpointError, match="There is no folder"):
        HeadSurvey(tmp_path / "none")


def test_a_model_that_was_changed_is_refused(folder, tmp_path):
    place = Path(shutil.copytree(folder("bert"), tmp_path / "bert"))
    survey = HeadSurvey(place)
    config = place / "tokenizer_config.json"
    config.write_text(config.read_text("utf-8") + " ", "utf-8")
    with pytest.raises(CheckpointError, match="is another one than where it was pickled"):
        survey.accumulate(["the"])
