"""Models by their names and by their languages, from the folders that are there."""

from __future__ import annotations

import json
import os

import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.translation.checkpoint import is_pretrained
from clearhead.translation.directions import discovery
from clearhead.translation.directions.discovery import (
    bundled_models,
    find_model,
    languages_of,
    model_for,
    user_models,
)
from clearhead.translation.directions.languages import Languages


def add_model(place, name, languages=None):
    folder = place / name
    folder.mkdir(parents=True)
    content = {"format": 1}
    if languages:
        source, target = languages.split("-")
        content["languages"] = {"source": source, "target": target}
    (folder / "config.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The package's folder with en-fr in it, an empty data folder, and one that is named."""
    monkeypatch.setattr(discovery, "_BUNDLED", tmp_path / "bundled")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("CLEARHEAD_MODELS", str(tmp_path / "named"))
    add_model(tmp_path / "bundled", "en-fr", "en-fr")
    return {
        "bundled": tmp_path / "bundled",
        "data": tmp_path / "data" / "clearhead" / "models",
        "named": tmp_path / "named",
    }


def test_names_come_from_what_is_there(places):
    assert bundled_models() == ["en-fr"]
    assert user_models() == {}
    data = add_model(places["data"], "back", "fr-en")
    named = add_model(places["named"], "mine")
    (places["named"] / "no-model").mkdir()
    assert user_models() == {"mine": named, "back": data}
    assert find_model("back") == data
    assert not is_pretrained("back")
    assert find_model("en-fr") == places["bundled"] / "en-fr"


def test_the_named_folder_comes_first_and_the_package_before_both(places):
    for place in ("data", "named"):
        add_model(places[place], "back", "fr-en")
        add_model(places[place], "en-fr", "de-fr")
    assert find_model("back") == places["named"] / "back"
    assert find_model("en-fr") == places["bundled"] / "en-fr"
    # A folder that has a name of the package is meant by its path.
    assert model_for("fr", "de") == places["named"] / "en-fr"


def test_several_folders_may_be_named(places, tmp_path, monkeypatch):
    first = add_model(tmp_path / "one", "back", "fr-en")
    second = add_model(tmp_path / "two", "other", "fr-de")
    monkeypatch.setenv("CLEARHEAD_MODELS", os.pathsep.join([str(tmp_path / "one"), "",
                                                            str(tmp_path / "two")]))  # fmt: skip
    assert user_models() == {"back": first, "other": second}


def test_without_the_variable_it_is_the_folder_of_the_home(places, tmp_path, monkeypatch):
    monkeypatch.delenv("CLEARHEAD_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = add_model(tmp_path / ".local" / "share" / "clearhead" / "models", "back")
    assert user_models() == {"back": folder}


def test_a_model_is_looked_for_by_its_languages(places):
    assert model_for() == "en-fr"
    assert model_for(model="anything") == "anything"
    assert model_for("fr") == model_for("fr", "en") == model_for(None, "en") == "en-fr"
    add_model(places["named"], "back", "fr-en")
    add_model(places["named"], "silent")
    (add_model(places["named"], "damaged") / "config.json").write_text("{")
    assert model_for("en") == "back"
    assert model_for("fr") == "en-fr"
    # One that comes with the package is taken before others.
    add_model(places["bundled"], "fr-en", "fr-en")
    assert model_for("en") == "fr-en"


def test_what_is_not_there_is_told_with_what_to_do(places):
    add_model(places["named"], "silent")
    with pytest.raises(CheckpointError) as error:
        model_for("en")
    assert str(error.value) == (
        "There is no model that translates to en. There are: en-fr (en-fr), silent (states no "
        "languages). Train one with 'clearhead train configs/fr-en.toml' and put its folder into "
        f"{places['data']}, or name a folder by model (on the command line: --model FOLDER)."
    )
    with pytest.raises(CheckpointError, match="translates from de to en"):
        model_for("en", "de")


def test_several_models_of_ones_own_are_a_question(places):
    add_model(places["named"], "small", "fr-en")
    add_model(places["data"], "large", "fr-en")
    with pytest.raises(ConfigError, match=r"Several models of yours translate to en: small, large"):
        model_for("en")
    assert model_for("en", model="large") == "large"


def test_a_model_that_is_named_must_be_of_these_languages(places):
    add_model(places["named"], "silent")
    with pytest.raises(ConfigError, match=r"en-fr translates from en to fr\. Leave one of the two"):
        model_for("en", model="en-fr")
    with pytest.raises(ConfigError, match="silent does not state its languages"):
        model_for("en", model="silent")
    with pytest.raises(ConfigError, match=r"^to must be the code of a language"):
        model_for("English")


def test_an_unknown_name_lists_ones_own_models(places):
    add_model(places["named"], "back", "fr-en")
    with pytest.raises(
        CheckpointError, match=r"bundled model \(en-fr\), nor one of yours \(back\)"
    ):
        find_model("klingon")


def test_the_languages_of_a_damaged_folder_are_an_error(places):
    folder = add_model(places["named"], "back", "fr-en")
    assert languages_of(folder) == Languages("fr", "en")
    (folder / "config.json").write_text("[")
    with pytest.raises(CheckpointError, match=r"Cannot read .*back"):
        languages_of(folder)
