"""`clearhead train` from its arguments to the finished model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clearhead.cli.train import command
from clearhead.errors import CheckpointError, ConfigError, MissingExtraError

TOML = """
[data]
development = "development.tsv"
max_tokens = 20
[[data.corpus]]
path = "train.tsv"
[tokenizer]
vocab_size = 300
[model]
d_model = 16
num_heads = 2
encoder_layers = 1
decoder_layers = 1
feed_forward_dim = 32
max_length = 24
[training]
max_steps = 4
batch_tokens = 128
warmup_steps = 2
checkpoint_every = 2
average = 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    for name, count in (("train", 60), ("development", 5)):
        rows = "".join(f"word {i % 7} {name}\tmot {i % 7}\n" for i in range(count))
        (tmp_path / "data" / f"{name}.tsv").write_text(rows)
    (tmp_path / "small.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run the command; an error comes out as itself, as the outer command receives it."""
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_it_trains_and_prints_where(folder: Path) -> None:
    result = run("small.toml", "--data", "data", "--threads", "1")
    assert result.exit_code == 0
    assert result.stdout == f"{Path('runs/small/model')}\n"
    assert "step 4 of 4" not in result.stdout
    model = folder / "runs/small/model"
    assert sorted(path.name for path in model.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert json.loads((model / "config.json").read_text())["provenance"]["steps"] == 4
    assert "train.tsv: 60 pairs (no line skipped)" in result.stderr
    assert "The mean of 2 checkpoints is in" in result.stderr


def test_flags_change_settings_and_the_run_goes_on(folder: Path) -> None:
    common = ("small.toml", "--data", "data", "--run", "there", "--threads", "1")
    sets = ("--set", "model.dropout=0.3", "--set", "training.schedule=cosine")
    assert run(*common, *sets, "--max-steps", "2").exit_code == 0
    saved = json.loads((folder / "there/settings.json").read_text())
    assert saved["model"]["dropout"] == 0.3
    assert saved["training"]["schedule"] == "cosine"
    assert saved["training"]["threads"] == 1
    result = run(*common, *sets)
    assert "Going on from step 2." in result.stderr
    with pytest.raises(ConfigError, match=r"begun with other settings: model\.dropout was 0\.3"):
        run(*common)


def test_mistakes_are_said(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no settings file absent\.toml"):
        run("absent.toml")
    with pytest.raises(ConfigError, match=r"--set needs KEY=VALUE.*got 'dropout'"):
        run("small.toml", "--set", "dropout")
    with pytest.raises(ConfigError, match="Unknown key 'depth' in model"):
        run("small.toml", "--set", "model.depth=3")
    with pytest.raises(ConfigError, match=r"training\.max_steps must be at least 1; got 0"):
        run("small.toml", "--max-steps", "0")
    result = run("small.toml", "--data", "nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    with pytest.raises(CheckpointError, match=r"no tokenizer nowhere\.json, which tokenizer\.path"):
        run("small.toml", "--data", "data", "--set", "tokenizer.path=nowhere.json")


def test_without_torch_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingExtraError, match=r'Training needs .*pip install "clearhead\[torch\]'
    ):
        run("small.toml", "--data", "data")
