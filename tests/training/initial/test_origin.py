"""What a run may begin from, and what is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.training.initial.origin import read_origin, run_tokenizer
from clearhead.training.settings import Settings
from tests.pretrained.transformers_folders import change_config
from tests.training.initial.folders import save_model, settings_of


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("Marian", "T5", "NLLB", "GPT-2", "BERT"):
        save_model(folder / name, name)
    return folder


def changed(settings: Settings, changes: dict[str, Any]) -> Settings:
    table = settings.to_dict()
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        (table[section] if section else table)[name] = value
    return Settings.from_dict(table)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("GPT-2", {"task": "translation", "data.unit": None},
         r"is a GPT-2, a decoder alone, and task = 'translation' trains a translator, an encoder "
         r"and a decoder\. Set task = 'language'"),
        ("Marian", {"task": "language", "data.source_language": None,
                    "data.target_language": None}, r"Set task = 'translation'"),
        ("BERT", {"task": "language"}, r"an encoder, and .* Set task = 'classification'"),
        ("T5", {"data.source_language": None, "data.target_language": None},
         r"several languages \(translation_en_to_de, .*Set data\.source_language"),
        ("T5", {"data.target_language": "it"}, r"no task en-it; its config\.json has translation"),
        ("NLLB", {"data.source_language": None, "data.target_language": None},
         r"several languages \(eng_Latn, fra_Latn"),
        ("NLLB", {"data.target_language": "deu_Latn"}, r"knows no language 'deu_Latn'"),
        ("Marian", {"training.export": "int8"}, r"training\.export: .*'int8' is a storage"),
        ("Marian", {"training.bpe_dropout": 0.1}, r"training\.bpe_dropout = 0\.1 cuts"),
        ("Marian", {"tokenizer.kind": "characters"}, r"tokenizer\.kind = 'characters', and"),
        ("Marian", {"tokenizer.vocab_size": 300}, r"tokenizer\.vocab_size = 300, and .*\d ids"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(
    models: Path, tmp_path: Path, name: str, changes: dict[str, Any], words: str
) -> None:
    settings = changed(settings_of(name, tmp_path, models / name), changes)
    with pytest.raises(ConfigError, match=words):
        read_origin(settings)


def test_tags_need_a_tokenizer_of_ours(models: Path, tmp_path: Path) -> None:
    table = settings_of("Marian", tmp_path, models / "Marian").to_dict()
    table["data"]["corpus"][0]["register_share"] = 0.5
    with pytest.raises(ConfigError, match=r"data\.corpus\[0\]\.register_share = 0\.5: tags are"):
        read_origin(Settings.from_dict(table))


def test_languages_are_asked_for_as_each_model_hears_them(models: Path, tmp_path: Path) -> None:
    asked = {}
    for name in ("Marian", "T5", "NLLB"):
        origin = read_origin(settings_of(name, tmp_path, models / name))
        assert origin is not None
        assert origin.asking is not None
        asked[name] = (origin.asking.prefix, origin.asking.target_language)
    assert asked == {
        "Marian": (">>fra<< ", None),
        "T5": ("translate English to French: ", None),
        "NLLB": ("", "fra_Latn"),
    }


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "it", "GPT-2")
    (tmp_path / "it/vocab.json").unlink()
    with pytest.raises(CheckpointError, match="has no tokenizer that is read here"):
        read_origin(settings_of("GPT-2", tmp_path, tmp_path / "it"))


def test_a_stated_size_that_is_the_tokenizers_is_no_error(models: Path, tmp_path: Path) -> None:
    settings = settings_of("GPT-2", tmp_path, models / "GPT-2")
    origin = read_origin(settings)
    assert origin is not None and origin.pretrained is not None  # noqa: PT018
    size = origin.pretrained.require_tokenizer().vocab_size
    assert read_origin(changed(settings, {"tokenizer.vocab_size": size})) is not None
    assert run_tokenizer(settings, origin) is None
    assert not origin.pretrained.weights


def test_a_config_that_is_not_read_is_refused(models: Path, tmp_path: Path) -> None:
    settings = settings_of("BERT", tmp_path, models / "BERT")
    change_config(models / "BERT", {"is_decoder": True})
    with pytest.raises(CheckpointError, match="is_decoder"):
        read_origin(settings)
