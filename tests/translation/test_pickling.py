"""Models that pickle as the folder they were read from, and load when they are first used."""

from __future__ import annotations

import dataclasses
import pickle
import shutil
import threading

import pytest

from clearhead.errors import CheckpointError
from clearhead.reference.transformer import Transformer
from clearhead.tasks.loading import load
from clearhead.translation import pickling
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.translator import Translator
from tests.translation.small_folder import write_model

TEXT = "the old house by the river"


@pytest.fixture
def folder(tmp_path):
    return write_model(tmp_path / "model")


def loads(content):
    return pickle.loads(content)


@pytest.mark.parametrize("read", [Translator.load, load])
def test_a_pickled_model_is_small_lazy_and_translates_the_same(folder, read, monkeypatch):
    model = read(folder)
    model_text = model.translate(TEXT, max_length=6).text
    content = pickle.dumps(model)
    assert len(content) < 2_000
    assert pickle.dumps(model) == content  # so that caches recognise it
    calls = []
    real = pickling._load_into
    monkeypatch.setattr(pickling, "_load_into", lambda *args: (calls.append(1), real(*args)))
    other = loads(content)
    assert type(other) is type(model)
    assert loads(pickle.dumps(other)).__dict__ == other.__dict__
    assert not calls
    threads = [threading.Thread(target=lambda: other.config) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert other.translate(TEXT, max_length=6).text == model_text


def test_settings_and_dtype_travel(folder):
    translator = Translator.load(folder)
    translator.settings = dataclasses.replace(translator.settings, beam_size=2, max_length=5)
    other = loads(pickle.dumps(translator))
    assert other.settings == translator.settings
    model = loads(pickle.dumps(load(folder, dtype="float64")))
    assert model.engine.model.dtype == "float64"
    assert loads(pickle.dumps(model.translator)).engine.model.dtype == "float64"


def test_a_bundled_model_travels_by_its_name():
    content = pickle.dumps(Translator.load("en-fr"))
    assert b"en-fr" in content
    assert b"models/en-fr" not in content


def test_another_model_under_the_same_path_is_refused(folder, tmp_path):
    content = pickle.dumps(Translator.load(folder))
    shutil.rmtree(folder)
    write_model(folder, seed=4)
    with pytest.raises(CheckpointError, match="is another one than where it was pickled"):
        loads(content).translate(TEXT)
    shutil.rmtree(folder)
    with pytest.raises(CheckpointError, match="no model"):
        loads(content).translate(TEXT)


def test_a_folder_that_changed_under_a_loaded_model_is_refused(folder):
    translator = Translator.load(folder)
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    with pytest.raises(CheckpointError, match=r"were changed or removed since\. Load the model"):
        pickle.dumps(translator)


def test_a_model_without_a_folder_pickles_as_what_it_is_made_of(folder):
    checkpoint = dataclasses.replace(read_checkpoint(folder), folder=None)
    translator = Translator.from_checkpoint(checkpoint)
    assert translator.engines is translator.engines  # it has a lock, which stays here
    shutil.rmtree(folder)
    other = loads(pickle.dumps(translator))
    before = translator.translate(TEXT, alignment=True, max_length=6)
    after = other.translate(TEXT, alignment=True, max_length=6)
    assert after.text == before.text
    assert (after.alignment == before.alignment).all()
    assert isinstance(other.engine.model, Transformer)


def test_an_unknown_attribute_is_an_attribute_error(folder):
    with pytest.raises(AttributeError, match="'Translator' object has no attribute 'colour'"):
        _ = Translator.load(folder).colour
