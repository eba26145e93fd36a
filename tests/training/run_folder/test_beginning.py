"""What is checked before any work: devices, memory, weights to begin from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from clearhead.errors import CheckpointError, ConfigError
from clearhead.export.conversion import convert
from clearhead.text.tokenizer import Tokenizer
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.beginning import check_device, machine, machine_difference
from clearhead.training.run_folder.export import export_model
from clearhead.training.settings import Settings
from clearhead.translation.checkpoint import read_checkpoint

Table = dict[str, Any]


def refusal_of(
    table: Table, tmp_path: Path, kind: type[Exception], words: str, **training: Any
) -> str:
    """Check that a run with these settings is refused before its folder is made."""
    changed = {**table, "training": table["training"] | training}
    with pytest.raises(kind, match=words) as error_info:
        Trainer(Settings.from_dict(changed), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert "\n" not in str(error_info.value)
    return str(error_info.value)


@pytest.mark.parametrize("device", ["cuda", "cuda:99", "mps", "meta", "gpu", "cpu:x", "xla"])
def test_devices_that_are_not_there(table: Table, tmp_path: Path, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    words = rf"training\.device = '{device}' (cannot be used here: .*|computes nothing\. )Use cpu"
    refusal_of(table, tmp_path, ConfigError, words, device=device)


def test_the_processor_is_there() -> None:
    check_device("cpu")


def test_a_model_that_no_machine_could_hold(table: Table, tmp_path: Path) -> None:
    table["model"] |= {"d_model": 1 << 18, "feed_forward_dim": 1 << 18}
    refusal_of(
        table, tmp_path, ConfigError, r"parameters\. Training it in 1 process takes more than"
    )


@pytest.fixture
def first(table: Table, tmp_path: Path) -> Path:
    """The folder of a finished model."""
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.lock.release()
    folder = tmp_path / "first"
    weights = trainer.model.state_dict()
    tokenizer = trainer.data.tokenizer.to_json()
    export_model(folder, weights, trainer.config.to_dict(), tokenizer, {})
    return folder


def copy_of(first: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "initial"
    folder.mkdir()
    for path in first.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_size_that_the_tokenizer_of_initial_weights_has_not(
    table: Table, tmp_path: Path, first: Path
) -> None:
    size = Tokenizer.load(first / "tokenizer.json").vocab_size
    table["tokenizer"] = {"vocab_size": size + 1}
    words = rf"tokenizer\.vocab_size = {size + 1}, and training\.initial = .*, of {size} ids"
    refusal_of(table, tmp_path, ConfigError, words, initial=str(first))


def test_settings_and_tokenizer_come_from_initial_weights(
    table: Table, tmp_path: Path, first: Path
) -> None:
    table["tokenizer"], table["model"] = {}, {"dropout": 0.25}
    table["training"] |= {"initial": str(first)}
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.lock.release()
    theirs = read_checkpoint(first)
    assert trainer.config == theirs.config.replace(dropout=0.25)
    assert trainer.data.own_tokenizer.to_json() == theirs.tokenizer.to_json()


def test_another_tokenizer_of_the_same_size_is_refused(
    table: Table, tmp_path: Path, first: Path
) -> None:
    size = Tokenizer.load(first / "tokenizer.json").vocab_size
    texts = ["zebra yak xylophone quagga jaguar"] * 50
    other = Tokenizer.train(texts, size)
    assert other.vocab_size == size
    other.save(tmp_path / "other.json")
    table["tokenizer"] = {"path": str(tmp_path / "other.json")}
    words = r"has another tokenizer than tokenizer\.path: id \d+ is .*, not .* ids differ"
    refusal_of(table, tmp_path, ConfigError, words, initial=str(first))


def test_weights_that_are_no_numbers_are_named(table: Table, tmp_path: Path, first: Path) -> None:
    folder = copy_of(first, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["embedding.weight"][5, 1] = float("nan")
    save_file(weights, folder / "model.safetensors")
    table["tokenizer"] = {"path": str(folder / "tokenizer.json")}
    words = r"model\.safetensors: embedding\.weight holds values that are not finite"
    refusal_of(table, tmp_path, CheckpointError, words, initial=str(folder))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"activation": "gelu"}, r"has model\.activation = 'relu' and this run 'gelu'"),
        ({"num_heads": 4}, r"has model\.num_heads = 2 and this run 4"),
        ({"feed_forward_dim": 48}, r"do not fit this model"),
        (
            {"attention": {"windows": [3]}},
            r"has model\.attention\.windows = .* and this run \(3,\)",
        ),
        ({"output": {"scale": 0.5}}, r"has model\.output\.scale = .*None.* and this run 0\.5"),
    ],
)
def test_initial_weights_of_another_model(
    table: Table, tmp_path: Path, first: Path, model: Table, words: str
) -> None:
    table["tokenizer"] = {"path": str(first / "tokenizer.json")}
    table["model"] |= model
    refusal_of(table, tmp_path, CheckpointError, words, initial=str(first))


def test_initial_weights_of_the_same_parts(table: Table, tmp_path: Path) -> None:
    """Lists come back from JSON as they went in."""
    table["model"] |= {"attention": {"windows": [3, 0], "head_norm": True}}
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.lock.release()
    weights, tokenizer = trainer.model.state_dict(), trainer.data.tokenizer.to_json()
    export_model(tmp_path / "first", weights, trainer.config.to_dict(), tokenizer, {})
    table["tokenizer"] = {"path": str(tmp_path / "first" / "tokenizer.json")}
    table["training"] |= {"initial": str(tmp_path / "first")}
    again = Trainer(Settings.from_dict(table), tmp_path / "new")
    again.lock.release()
    assert again.config == trainer.config


def test_initial_settings_that_no_model_has(table: Table, tmp_path: Path, first: Path) -> None:
    folder = copy_of(first, tmp_path)
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"num_heads": 2', '"num_heads": 3'))
    table["tokenizer"] = {"path": str(first / "tokenizer.json")}
    words = r"config\.json: d_model must be a multiple of num_heads"
    refusal_of(table, tmp_path, CheckpointError, words, initial=str(folder))


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1}', '{"model": 3}'])
def test_a_damaged_config_of_initial_weights(
    table: Table, tmp_path: Path, first: Path, content: str
) -> None:
    folder = copy_of(first, tmp_path)
    (folder / "config.json").write_text(content)
    table["tokenizer"] = {"path": str(first / "tokenizer.json")}
    refusal_of(table, tmp_path, CheckpointError, r"Cannot read .*config\.json", initial=str(folder))


def test_a_bundled_model_to_begin_from(table: Table, tmp_path: Path) -> None:
    from clearhead.training.sources import model_folder

    config = json.loads((model_folder("en-fr") / "config.json").read_text())["model"]
    table["tokenizer"] = {"path": "en-fr"}
    table["model"] = {name: value for name, value in config.items() if name != "vocab_size"}
    table["training"] |= {"initial": "en-fr", "max_steps": 1}
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    theirs = read_checkpoint("en-fr").weights["embedding.weight"]
    assert torch.equal(trainer.model.embedding.weight, torch.from_numpy(theirs))
    assert trainer.development_loss() < 12


def test_a_shallower_model_to_begin_from(
    table: Table, tmp_path: Path, first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deeper model has the loss of the shallower one, from floats and from 8 bits."""
    table["tokenizer"] = {"path": str(first / "tokenizer.json")}
    convert(read_checkpoint(first), tmp_path / "small", "int8")
    for number, folder in enumerate((first, tmp_path / "small")):
        losses = []
        for layers in (1, 3):
            table["model"] |= {"encoder_layers": layers}
            table["training"] |= {"initial": str(folder)}
            trainer = Trainer(Settings.from_dict(table), tmp_path / f"run-{number}-{layers}")
            trainer.lock.release()
            losses.append(trainer.development_loss())
        assert losses[0] == losses[1]
        words = "encoder: 3 layers where training.initial has 1; new are 1, 2 (counted from 0)"
        assert words in capsys.readouterr().err


def test_a_deeper_model_to_begin_from_is_refused(table: Table, tmp_path: Path, first: Path) -> None:
    folder = copy_of(first, tmp_path)
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"encoder_layers": 1', '"encoder_layers": 2'))
    table["tokenizer"] = {"path": str(first / "tokenizer.json")}
    words = r"do not fit this model: it has model\.encoder_layers = 2 and this run 1\. A model may"
    refusal_of(table, tmp_path, CheckpointError, words, initial=str(folder))


def test_another_machine_is_told() -> None:
    here = machine("cpu", 1, 2)
    assert machine_difference(here, here) is None
    assert machine_difference({}, here) is None
    messages = machine_difference({**here, "torch": "1.0", "threads": 4}, here)
    assert messages is not None
    assert "torch 1.0, now " in messages
    assert "threads 4, now 1" in messages
