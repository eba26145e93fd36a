"""`Translate` on every kind of batch, in this process and pickled."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from clearhead.batch import Translate
from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.translation.translator import Translator
from tests.translation.small_folder import write_model

TEXTS = ["the old house", "", "la maison by the river", "12:30"]


@pytest.fixture(scope="module")
def translate(folder):
    return Translate(folder, max_length=6)


@pytest.fixture(scope="module")
def expected(folder):
    translations = Translator.load(folder).translate(TEXTS, max_length=6)
    return [translation.text for translation in translations]


def test_dicts_of_lists_and_arrays_come_back_with_a_column_of_their_kind(translate, expected):
    batch = {"text": TEXTS, "id": [1, 2, 3, 4]}
    assert translate(batch) == {**batch, "translation": expected}
    assert list(batch) == ["text", "id"]  # what came stays as it is
    for texts in (np.array(TEXTS), np.array(TEXTS, object)):
        column = translate({"text": texts})["translation"]
        assert column.dtype == object
        assert column.tolist() == expected


def test_a_column_alone_gives_a_column(translate, expected):
    assert translate(TEXTS) == expected
    assert translate(np.array(TEXTS)[:, None]).tolist() == expected
    assert translate([]) == []


def test_frames_and_series_keep_their_index(translate, expected):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": TEXTS, "n": 1.5}, index=[7, 5, 3, 1])
    result = translate(frame)
    assert list(result.columns) == ["text", "n", "translation"]
    assert dict(result["translation"]) == dict(zip([7, 5, 3, 1], expected, strict=True))
    assert "translation" not in frame
    assert list(translate(frame["text"]).index) == [7, 5, 3, 1]
    frame.loc[5, "text"] = None
    missing = translate(frame)["translation"]
    assert missing.isna().tolist() == [False, True, False, False]


def test_tables_of_arrow(translate, expected):
    arrow = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    result = translate(arrow.table({"text": [*TEXTS, None]}))
    assert result.column_names == ["text", "translation"]
    assert result["translation"].to_pylist() == [*expected, None]


def test_a_pickled_one_loads_the_model_when_the_first_batch_comes(folder, translate, expected):
    assert translate(TEXTS) == expected
    content = pickle.dumps(translate)
    assert len(content) < 1_000
    other = pickle.loads(content)
    assert other._model is None
    assert other(TEXTS) == expected
    assert other.model is other.model
    of_loaded = pickle.loads(pickle.dumps(Translate(Translator.load(folder), max_length=6)))
    assert of_loaded(TEXTS) == expected


def test_another_model_on_the_worker_is_refused(tmp_path):
    folder = write_model(tmp_path / "m")
    content = pickle.dumps(Translate(folder))
    write_model(folder, seed=9)
    with pytest.raises(CheckpointError, match="is another one than where it was pickled"):
        pickle.loads(content)(TEXTS)
    with pytest.raises(CheckpointError, match="There is no model 'klingon'"):
        Translate("klingon")


def test_missing_texts_stay_missing_and_bad_ones_are_told(folder, translate, expected):
    assert translate([TEXTS[0], None, float("nan")]) == [expected[0], None, None]
    bad = [TEXTS[0], "a\ud800", "x" * 1_000_001, None]
    with pytest.raises(TextError, match=r"Row 1 of the batch: .*surrogate"):
        translate(bad)
    result = Translate(folder, problem="why", max_length=6)({"text": bad})
    assert result["translation"] == [expected[0], None, None, None]
    assert result["why"][0] is result["why"][3] is None
    assert "surrogate" in result["why"][1]
    assert "1,000,001" in result["why"][2]


@pytest.mark.parametrize(
    ("arguments", "batch", "error", "words"),
    [
        ({"column": "en"}, {"text": []}, ConfigError, "no column 'en'.*columns 'text'"),
        ({"to": "id"}, {"text": [], "id": []}, ConfigError, "has a column 'id' already"),
        ({}, {"text": ["a", 5]}, TypeError, "row 1 of the batch's column 'text' is of type int"),
        ({}, "a text", ConfigError, "one column of texts; a str came"),
        ({}, np.array([["a", "b"]]), ConfigError, r"the array has shape \(1, 2\)"),
    ],
)
def test_what_is_no_batch_is_refused(folder, arguments, batch, error, words):
    with pytest.raises(error, match=words):
        Translate(folder, **arguments)(batch)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "text"}, "Columns have different names; these are text, text"),
        ({"threads": 2}, "keeps to one thread"),
        ({"n_best": 2}, "one translation for each text"),
    ],
)
def test_what_is_not_for_workers_is_refused(folder, arguments, words):
    with pytest.raises(ConfigError, match=words):
        Translate(folder, **arguments)


def test_spark_gets_the_function_from_itself(translate):
    assert translate() is translate
    assert repr(translate).startswith("<Translate ")
