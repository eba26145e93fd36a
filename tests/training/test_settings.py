"""Settings: what is unknown, of the wrong type or contradictory is told in words."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.training.run_folder.run import MAY_CHANGE, open_run
from clearhead.training.settings import (
    CorpusSettings,
    DataSettings,
    Settings,
    TokenizerSettings,
    TrainingSettings,
)
from tests.strangers import SPOILT, refusal, spoilt

ROOT = Path(__file__).parents[2]


def small(**sections: Any) -> dict[str, Any]:
    table: dict[str, Any] = {"data": {"corpus": [{"path": "a.tsv"}], "development": "b.tsv"}}
    for name, values in sections.items():
        table[name] = {**table.get(name, {}), **values}
    return table


def test_a_table_becomes_settings() -> None:
    settings = Settings.from_dict(
        small(training={"betas": [0.9, 0.999], "learning_rate": 1}, model={"d_model": 64})
    )
    assert settings.data.corpus == (CorpusSettings(path="a.tsv"),)
    assert settings.training.betas == (0.9, 0.999)
    assert settings.model_config(1000).d_model == 64
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"trainning": {}}, "Unknown setting 'trainning'. The settings are: data, tok"),
        (
            small(training={"max_step": 3}),
            "Unknown training setting 'max_step'. The settings are: seed",
        ),
        (small(data={"held_out": 1}), "Unknown data setting 'held_out'."),
        (
            small(tokenizer={"size": 1}),
            "Unknown tokenizer setting 'size'. The settings are: vocab_size",
        ),
        (small(model={"layers": 1}), "Unknown model setting 'layers'."),
        (
            small(data={"corpus": [{"path": "a", "weight": 1}]}),
            "Unknown data.corpus[0] setting 'weight'.",
        ),
        (small(data={"corpus": [{"passes": 1.0}]}), "The data.corpus[0] settings lack path."),
        (
            small(data={"corpus": [{"path": "a", "max_tokens": 0}]}),
            "max_tokens must be at least 1 and",
        ),
        (small(data={"corpus": [{"path": "a", "max_tokens": 256}]}), "room for the end token too"),
        (
            small(data={"corpus": [{"path": "a", "from_epoch": -1}]}),
            "from_epoch must be at least 0 and at most",
        ),
        (small(data={"corpus": [{"path": "a", "from_epoch": 1}]}), "first epoch has nothing to"),
        (
            small(data={"corpus": {"path": "a"}}),
            "data.corpus must be a list of tables, [[data.corpus]] in",
        ),
        (small(data={"corpus": ["a.tsv"]}), "data.corpus[0] must be a table; it is 'a.tsv'."),
        (small(data={"corpus": []}), "nothing to train on: give at least one [[data.corpus]]"),
        ({}, "There is nothing to train on"),
        ({"data": 3}, "data must be a table; it is 3."),
        (
            small(training={"max_steps": 1.5}),
            "training.max_steps must be a whole number; it is 1.5.",
        ),
        (small(training={"max_steps": True}), "max_steps must be a whole number; it is True."),
        (small(training={"max_steps": None}), "max_steps must be a whole number; it is None."),
        (small(training={"tensorboard": 1}), "tensorboard must be true or false; it is 1."),
        (small(training={"device": 0}), "training.device must be a text; it is 0."),
        (small(training={"learning_rate": "a"}), "learning_rate must be a number; it is 'a'."),
        (small(training={"betas": 0.9}), "training.betas must be a list; it is 0.9."),
        (small(training={"betas": [0.9]}), "betas must be a list of 2 values; it is [0.9]."),
        (
            small(training={"betas": [0.9, 1.0]}),
            "betas[1] must be at least 0 and below 1; it is 1.0.",
        ),
        (small(training={"betas": [0.9, "a"]}), "betas[1] must be a number; it is 'a'."),
        (small(training={"betas": [True, 0.9]}), "betas[0] must be a number; it is True."),
        (small(training={"learning_rate": float("inf")}), "learning_rate must be a finite number"),
        (small(training={"seed": 1 << 63}), "and at most 9,223,372,036,854,775,807; it is"),
        (small(training={"max_steps": 10**8}), "and at most 99,999,999; it is 100000000."),
        (small(training={"epsilon": 0}), "epsilon must be at least 1e-38 and at most 1; it"),
        (small(training={"threads": 5000}), "at least 0 and at most 1,024; it is 5000."),
        (small(training={"device": ""}), "device must be a text that is not blank; it is ''."),
        (small(training={"initial": "a\0b"}), "initial must be a text that UTF-8 can hold"),
        (small(data={"development_pairs": -1}), "development_pairs must be at least 1 and"),
        (small(data={"development": "\udc80"}), "development must be a text that UTF-8 can"),
        (small(data={"held_out_share": float("nan")}), "must be a finite number; it is nan"),
        (small(data={"corpus": [{"path": "a", "passes": 0}]}), "passes must be above 0 and at"),
        (small(data={"corpus": [{"path": "a", "passes": -1.0}]}), "passes must be above 0 and at"),
        (
            small(data={"corpus": [{"path": "a", "passes": float("nan")}]}),
            "data.corpus[0].passes must be a finite number; it is nan.",
        ),
        (
            small(data={"corpus": [{"path": "a", "passes": float("inf")}]}),
            "a finite number; it is inf",
        ),
        (
            small(data={"corpus": [{"path": "a", "passes": 1e9}]}),
            "passes must be above 0 and at most 1,000; it is",
        ),
        (
            small(tokenizer={"vocab_size": 259}),
            "tokenizer.vocab_size must be at least 260 and at most 10,000,000; it is 259",
        ),
        (small(tokenizer={"min_frequency": -1}), "tokenizer.min_frequency must be at least 1 and"),
        (small(tokenizer={"pairs_per_corpus": 0}), "pairs_per_corpus must be at least 1 and"),
        (small(model={"encoder_layers": 10**9}), "model.encoder_layers must be at most 1,000; it"),
        (
            small(model={"norm_epsilon": float("nan")}),
            "model.norm_epsilon must be a finite number; it is nan",
        ),
        (small(model={"norm_epsilon": 0.0}), "model.norm_epsilon must be above 0 and at most 1;"),
        (small(model={"dropout": float("nan")}), "model.dropout must be a finite number; it"),
        (small(model={"pad_id": 5}), "model.pad_id must be 0; it is 5."),
        (small(model={"d_model": "64"}), "model.d_model must be a whole number; it is '64'."),
        (small(model={"d_model": 63}), "In the section model: d_model must be a multiple"),
        (small(model={"vocab_size": 9}), "set tokenizer.vocab_size"),
        (small(model={"encoder_layers": 0}), "must both be at least 1"),
        (
            small(training={"schedule": "step"}),
            "one of inverse_sqrt, cosine, constant; it is 'step'",
        ),
        (small(training={"precision": "half"}), "one of auto, bfloat16, float32; it is 'half'"),
        (
            small(training={"keep_every": 700}),
            "training.keep_every = 700 is no multiple of training.checkpoint_every = 500",
        ),
        (small(training={"max_steps": 0}), "training.max_steps must be at least 1 and"),
        (small(training={"accumulation": 0}), "training.accumulation must be at least 1 and"),
        (small(training={"seed": -1}), "training.seed must be at least 0 and"),
        (small(training={"clip_norm": float("nan")}), "clip_norm must be a finite number; it is"),
        (small(training={"label_smoothing": 1.0}), "must be at least 0 and below 1; it is 1.0."),
        (small(data={"held_out_share": 1.0}), "held_out_share must be at least 0 and below 1;"),
        (small(data={"max_tokens": 256}), "data.max_tokens must be below model.max_length"),
        (small(data={"development": None}), "There is no development set: set data.development"),
        (small(data={"development": None, "held_out_share": 0.1}), "held_out = true in a"),
    ],
)
def test_what_is_wrong_is_said(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Settings.from_dict(table)


def test_held_out_pairs_are_a_development_set() -> None:
    data = {"held_out_share": 0.1, "corpus": [{"path": "a.tsv", "held_out": True}]}
    assert Settings.from_dict({"data": data}).data.development is None


TOML = """
[data]
development = "b.tsv"
[[data.corpus]]
path = "a.tsv"
[training]
max_steps = 7
"""


def test_toml_with_overrides(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TOML)
    assert Settings.from_toml(path).training.max_steps == 7
    changed = Settings.from_toml(path, {"training.max_steps": 9, "model.dropout": 0.3})
    assert changed.training.max_steps == 9
    assert changed.model_config(500).dropout == 0.3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"max_steps": 9}, "Write 'max_steps' with its section, such as training.max_steps."),
        ({"training.steps": 9}, "Unknown training setting 'steps'."),
        ({"data.corpus.path": "c"}, "Cannot set data.corpus.path: corpus is no table"),
    ],
)
def test_wrong_overrides(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TOML)
    with pytest.raises(ConfigError, match=re.escape(message)):
        Settings.from_toml(path, overrides)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[data", "it is not valid TOML: "),
        (b"\xff", "it is not UTF-8: byte 1 is 0xff"),
        (b"a = " + b"[" * 9999, "it is nested more than 64 levels deep"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"Cannot read the settings file .*run\.toml: {words}"):
        Settings.from_toml(path)
    with pytest.raises(ConfigError, match=r"There is no settings file .*absent\.toml"):
        Settings.from_toml(tmp_path / "absent.toml")


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_settings_file(tmp_path: Path, how: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[training]\nmax_steps =    ")
    with spoilt(path, how):
        message = refusal(ConfigError, lambda: Settings.from_toml(path))
    assert message is not None
    assert how == "empty" or message.startswith(f"Cannot read the settings file {path}: ")


CONFIGS = [p for p in sorted((ROOT / "configs").glob("*.toml")) if ".prepare" not in p.suffixes]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_the_configs_of_the_repository_are_valid(path: Path) -> None:
    assert Settings.from_toml(path).training.max_steps > 0


def test_a_run_goes_on_with_what_may_change(tmp_path: Path, table: dict[str, Any]) -> None:
    open_run(tmp_path / "run", Settings.from_dict(table))
    table["training"] |= {"max_steps": 99, "threads": 2, "log_every": 1, "patience": 3}
    open_run(tmp_path / "run", Settings.from_dict(table))
    saved = json.loads((tmp_path / "run/settings.json").read_text())
    assert saved["training"]["max_steps"] == 99
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["settings.json", "sources.json"]


@pytest.mark.parametrize(
    ("section", "change", "mention"),
    [
        (
            "training",
            {"learning_rate": 0.5},
            "training.learning_rate was 0.01 and is now 0.5 (it may only become lower)",
        ),
        ("training", {"seed": 7}, "training.seed was 1 and is now 7"),
        ("model", {"dropout": 0.0}, "model.dropout was 0.1 and is now 0.0"),
        ("model", {"bias": False}, "model.bias was None and is now False"),
        ("data", {"max_tokens": 9}, "data.max_tokens was 20 and is now 9"),
        ("tokenizer", {"vocab_size": 301}, "tokenizer.vocab_size was 300 and is now 301"),
    ],
)
def test_a_run_does_not_go_on_with_other_settings(
    tmp_path: Path, table: dict[str, Any], section: str, change: dict[str, Any], mention: str
) -> None:
    open_run(tmp_path / "run", Settings.from_dict(table))
    (tmp_path / "run/step-00000004").mkdir()
    before = (tmp_path / "run/settings.json").read_text()
    table[section] |= change
    with pytest.raises(ConfigError) as error_info:
        open_run(tmp_path / "run", Settings.from_dict(table))
    assert f"begun with other settings: {mention} (1 differ" in str(error_info.value)
    assert "Give the run another folder" in str(error_info.value)
    assert (tmp_path / "run/settings.json").read_text() == before


def test_a_run_goes_on_that_began_before_there_was_a_setting(
    tmp_path: Path, table: dict[str, Any]
) -> None:
    open_run(tmp_path / "run", Settings.from_dict(table))
    (tmp_path / "run/step-00000004").mkdir()
    path = tmp_path / "run/settings.json"
    saved = json.loads(path.read_text())
    for corpus in saved["data"]["corpus"]:
        del corpus["register_share"]
    path.write_text(json.dumps(saved))
    open_run(tmp_path / "run", Settings.from_dict(table))
    table["data"]["corpus"][0]["register_share"] = 0.5
    with pytest.raises(ConfigError, match=r"data\.corpus was .* \(1 differ"):
        open_run(tmp_path / "run", Settings.from_dict(table))


def test_before_the_first_checkpoint_any_setting_may_change(
    tmp_path: Path, table: dict[str, Any]
) -> None:
    run = tmp_path / "run"
    open_run(run, Settings.from_dict(table))
    store = run / "data/0"
    store.mkdir(parents=True)
    (store / "store.json").write_text("{}")
    (run / "data/mine").mkdir()
    (run / "tokenizer.json").write_text("{}")
    table["training"]["seed"] = 7
    open_run(run, Settings.from_dict(table))
    assert json.loads((run / "settings.json").read_text())["training"]["seed"] == 7
    assert store.exists()  # it does not depend on the seed
    table["data"]["max_tokens"] = 9
    open_run(run, Settings.from_dict(table))
    assert not store.exists()
    assert not (run / "tokenizer.json").exists()
    assert (run / "data/mine").is_dir()


def test_the_learning_rate_may_fall(tmp_path: Path, table: dict[str, Any]) -> None:
    open_run(tmp_path / "run", Settings.from_dict(table))
    (tmp_path / "run/step-00000004").mkdir()
    table["training"]["learning_rate"] = 0.001
    open_run(tmp_path / "run", Settings.from_dict(table))
    saved = json.loads((tmp_path / "run/settings.json").read_text())
    assert saved["training"]["learning_rate"] == 0.001


def test_states_without_settings_are_refused(tmp_path: Path, tiny: Settings) -> None:
    (tmp_path / "run/step-00000004").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"settings\.json.*put it back"):
        open_run(tmp_path / "run", tiny)


def test_damaged_settings_of_a_run(tmp_path: Path, tiny: Settings) -> None:
    open_run(tmp_path / "run", tiny)
    (tmp_path / "run/settings.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"Cannot read .*settings\.json"):
        open_run(tmp_path / "run", tiny)


def test_what_may_change_exists() -> None:
    names = {f"training.{field.name}" for field in dataclasses.fields(TrainingSettings)}
    names |= {f"data.{field.name}" for field in dataclasses.fields(DataSettings)}
    assert names >= MAY_CHANGE


def test_the_page_on_training_lists_every_setting_with_its_default() -> None:
    """docs/training.md has a row ``| `name` | default | ...`` for each field, in order."""
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `\[+([a-z.]+)\]+`\n(.*?)(?=^##|\Z)", page, re.M | re.S))
    for name, cls in (
        ("data", DataSettings),
        ("data.corpus", CorpusSettings),
        ("tokenizer", TokenizerSettings),
        ("training", TrainingSettings),
    ):
        rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? *\|", sections[name], re.M)
        expected = [
            (field.name, toml(field.default))
            for field in dataclasses.fields(cls)
            if (cls, field.name) != (DataSettings, "corpus")
        ]
        assert rows == expected


def toml(value: Any) -> str:
    """A default as a TOML file would say it; nothing for none."""
    if value is None or value is dataclasses.MISSING:
        return ""
    return json.dumps(value)


def test_the_page_names_what_may_change() -> None:
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    listed = re.search(r"These may change: (.*?)\.\n", page, re.S)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == {name.partition(".")[2] for name in MAY_CHANGE}


def test_a_model_states_both_languages_or_none() -> None:
    corpus = {"path": "a.tsv", "held_out": True}
    both = {"source_language": "en", "target_language": "pt-BR"}
    data = {"corpus": [corpus], "held_out_share": 0.1}
    settings = Settings.from_dict({"data": data | both})
    assert (settings.data.source_language, settings.data.target_language) == ("en", "pt-BR")
    with pytest.raises(ConfigError, match=r"both of its languages or none; .* Give the other one"):
        Settings.from_dict({"data": data | {"source_language": "en"}})
    with pytest.raises(ConfigError, match="the code of a language, such as en or pt-BR"):
        Settings.from_dict({"data": data | both | {"source_language": "English"}})


def test_the_languages_of_a_run_may_be_told_later(tmp_path: Path, tiny: Settings) -> None:
    open_run(tmp_path / "run", tiny)
    (tmp_path / "run" / "step-00000001").mkdir()
    data = dataclasses.replace(tiny.data, source_language="en", target_language="fr")
    open_run(tmp_path / "run", dataclasses.replace(tiny, data=data))
    assert '"source_language": "en"' in (tmp_path / "run" / "settings.json").read_text()
