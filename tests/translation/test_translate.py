"""One call from text to text, by a model's name or by languages."""

from __future__ import annotations

import pytest

import clearhead
from clearhead.errors import CheckpointError, ConfigError
from clearhead.translation.translate import _load
from clearhead.translation.translator import Translator
from tests.translation.conftest import write_checkpoint


@pytest.fixture
def back(tmp_path, monkeypatch):
    """A model from French to German among a person's own."""
    states = {"languages": {"source": "fr", "target": "de"}}
    folder = write_checkpoint(tmp_path / "back", states=states)
    monkeypatch.setenv("CLEARHEAD_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    _load.cache_clear()
    return folder


def test_the_languages_name_the_model(back):
    expected = Translator.load(back).translate("La gare.", max_length=8)
    assert clearhead.translate("La gare.", to="de", max_length=8) == expected
    both = {"to": "de", "source_language": "fr"}
    assert clearhead.translate(["La gare."], **both, max_length=8) == [expected]
    assert clearhead.translate("La gare.", model="back", max_length=8) == expected
    assert _load.cache_info().misses == 1  # one model, however it is named


def test_a_model_that_was_written_anew_is_read_anew(back):
    before = clearhead.translate("La gare.", model=back, max_length=8)
    write_checkpoint(back, seed=5)
    after = clearhead.translate("La gare.", model=back, max_length=8)
    assert before != after


def test_what_is_not_there_is_refused(back):
    with pytest.raises(CheckpointError, match="no model that translates from fr to it"):
        clearhead.translate("La gare.", to="it", source_language="fr")
    with pytest.raises(ConfigError, match="back translates from fr to de"):
        clearhead.translate("La gare.", to="en", model="back")
    with pytest.raises(CheckpointError, match="There is no model 'klingon'"):
        clearhead.translate("La gare.", model="klingon")
    with pytest.raises(ConfigError, match="beam"):
        clearhead.translate("La gare.", to="de", beam_sise=2)
