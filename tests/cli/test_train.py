"""`clearhead train` from its arguments to the finished model."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clearhead.cli.train import command
from clearhead.errors import (
    CheckpointError,
    ClearheadError,
    ConfigError,
    CorpusError,
    MissingExtraError,
    TrainingError,
)
from clearhead.text.tags import tag_id
from clearhead.text.token_store import TokenStore

ROOT = Path(__file__).parents[2]

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


def test_a_teacher_writes_sources_that_have_a_tag(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upper(_: str) -> Callable[[list[str]], list[str]]:
        return lambda texts: [text.upper() for text in texts]

    monkeypatch.setattr("clearhead.training.pairs.teacher._load", upper)
    back = ("--teacher", "fr-en", "--from-target", "--back-translation-tag")
    result = run("small.toml", "--data", "data", "--threads", "1", *back)
    assert "0.tsv: 60 pairs (no line skipped; 60 with <bt>)" in result.stderr
    assert (folder / "runs/small/taught/0.tsv").read_text().startswith("MOT 0\tmot 0\n")
    store = TokenStore(folder / "runs/small/data/0")
    assert {int(store.source(i)[0]) for i in range(60)} == {tag_id("bt")}
    description = json.loads((folder / "runs/small/model/config.json").read_text())
    assert "registers" not in description  # it is nothing to ask for
    result = CliRunner().invoke(command, ["small.toml", "--teacher", "a", back[-1]])
    assert "it goes with --teacher MODEL --from-target" in result.stderr


def test_mistakes_are_said(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no settings file absent\.toml"):
        run("absent.toml")
    with pytest.raises(ConfigError, match=r"--set needs KEY=VALUE.*got 'dropout'"):
        run("small.toml", "--set", "dropout")
    with pytest.raises(ConfigError, match="Unknown model setting 'depth'"):
        run("small.toml", "--set", "model.depth=3")
    with pytest.raises(ConfigError, match=r"training\.max_steps must be at least 1 and"):
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


def launched(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "clearhead", "train", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        **more,
    )


def one_line(messages: str) -> str:
    """The one line of an error, at the end of what was told."""
    assert "Traceback" not in messages
    lines = [line for line in messages.splitlines() if line.startswith("clearhead: ")]
    assert len(lines) == 1, messages
    return lines[0]


def limit_files() -> None:
    """Let no file of this process grow beyond 8 KiB, as a full disk would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


@pytest.mark.slow
def test_a_full_disk_keeps_the_checkpoints_before_it(folder: Path) -> None:
    common = ("small.toml", "--data", "data", "--processes", "1")
    assert run(*common, "--max-steps", "2").exit_code == 0
    whole = {path: path.read_bytes() for path in (folder / "runs/small/step-00000002").iterdir()}
    outcome = launched(*common, preexec_fn=limit_files)
    assert outcome.returncode == 2
    messages = one_line(outcome.stderr)
    assert messages.startswith("clearhead: Cannot write ")
    assert "the file would be larger than the limit on files (ulimit -f)" in messages
    assert "The last checkpoint, runs/small/step-00000002, is whole." in messages
    assert "start the same command again to go on" in messages
    assert {path: path.read_bytes() for path in whole} == whole
    assert not [*(folder / "runs/small").glob("*.part")]
    assert run(*common).exit_code == 0
    assert (folder / "runs/small/step-00000004").is_dir()


@pytest.mark.slow
def test_a_full_disk_is_told_once_by_two_processes(folder: Path) -> None:
    outcome = launched("small.toml", "--data", "data", "--processes", "2", preexec_fn=limit_files)
    assert outcome.returncode == 2
    assert "the file would be larger than the limit" in one_line(outcome.stderr)


def block_run(folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs/small").write_text("mine")


def block_parent(folder: Path) -> None:
    (folder / "runs").write_text("mine")


def block(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        path = folder / "runs/small" / name
        path.parent.mkdir(parents=True)
        path.write_text("mine")

    return make


def block_with_folder(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "runs/small" / name).mkdir(parents=True)

    return make


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (block_run, r"The run's folder runs/small is a file\. Give the run another folder with"),
        (block_parent, r"Cannot write runs/small(/lock)?: a file of this name is in the way"),
        (block("data"), r"Cannot write runs/small/data\S*: a file of this name is in the way"),
        (block("step-00000002.part"), r"step-00000002\.part: a file of this name is in the way"),
        (block("step-00000002"), r"runs/small/step-00000002: a file of this name is in the way"),
        (block("model"), r"Cannot write .*runs/small.*: a file of this name is in the way"),
        (block_with_folder("log.jsonl"), r"log\.jsonl: it is a folder, not a file\. Move it away"),
        (block_with_folder("lock"), r"lock: a folder of this name is in the way"),
        (block_with_folder("config.json"), r"config\.json: a folder of this name is in the way"),
        (block_with_folder("curves.png"), r"curves\.png: a folder of this name is in the way"),
    ],
)
def test_what_is_in_the_way_is_named(
    folder: Path, make: Callable[[Path], None], words: str
) -> None:
    make(folder)
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ClearheadError, match=words) as error_info:
        run("small.toml", "--data", "data", "--threads", "1")
    assert "\n" not in str(error_info.value)
    for path, text in before.items():
        assert path.read_text() == text


def test_a_place_where_no_folder_can_be_made(folder: Path) -> None:
    for place in ("/proc/clearhead", "/dev/null/run", "/sys/clearhead"):
        with pytest.raises(TrainingError, match=rf"Cannot write {place}.*another folder with"):
            run("small.toml", "--data", "data", "--run", place)


def test_a_first_start_that_failed_does_not_stand_in_the_way(folder: Path) -> None:
    wrong = ("--set", "data.corpus=[{path='trian.tsv'}]")
    with pytest.raises(CorpusError, match=r"trian\.tsv, which data\.corpus\[0\]\.path names"):
        run("small.toml", "--data", "data", *wrong)
    with pytest.raises(ConfigError, match=r"data\.corpus\[0\]\.passes must be above 0"):
        run("small.toml", "--data", "data", "--set", "data.corpus=[{path='train.tsv',passes=0}]")
    assert not (folder / "runs").exists()
    (folder / "data/train.tsv").write_text("no tab\n")
    with pytest.raises(CorpusError, match="it has no tab"):
        run("small.toml", "--data", "data")
    rows = "".join(f"word {i % 7}\tmot {i % 7}\n" for i in range(60))
    (folder / "data/train.tsv").write_text(rows)
    assert run("small.toml", "--data", "data", "--set", "training.seed=3").exit_code == 0


@pytest.mark.parametrize(
    ("rate", "words"), [("1000000000000.0", "not a finite number"), ("100.0", "")]
)
def test_a_rate_that_spoils_the_first_step_is_not_saved(
    folder: Path, rate: str, words: str
) -> None:
    sets = ("--set", "training.checkpoint_every=1", "--set", "training.warmup_steps=0")
    common = ("small.toml", "--data", "data", *sets)
    with pytest.raises(TrainingError) as error_info:
        run(*common, "--set", f"training.learning_rate={rate}")
    messages = str(error_info.value)
    assert f"With the weights after step 1 the loss is {words}" in messages
    assert (
        f"any setting may be changed: try a lower training.learning_rate (now {rate})" in messages
    )
    assert not [*(folder / "runs/small").glob("step-*")]
    assert run(*common).exit_code == 0  # the same folder


def test_a_rate_that_spoils_a_later_step_may_fall(folder: Path) -> None:
    sets = ("--set", "training.checkpoint_every=1", "--set", "training.warmup_steps=0")
    common = ("small.toml", "--data", "data", *sets)
    assert run(*common, "--max-steps", "1", "--set", "training.learning_rate=1e-2").exit_code == 0
    settings = folder / "runs/small/settings.json"
    settings.write_text(settings.read_text().replace("0.01,", "1e12,"))
    with pytest.raises(TrainingError) as error_info:
        run(*common, "--set", "training.learning_rate=1e12")
    messages = str(error_info.value)
    assert (
        "The state before it is in runs/small/step-00000001. The run goes on from there" in messages
    )
    result = run(*common, "--set", "training.learning_rate=1e-3")
    assert result.exit_code == 0
    assert "training.learning_rate was 0.01 and is now 0.001." in result.stderr
    config = json.loads((folder / "runs/small/model/config.json").read_text())
    assert config["provenance"]["learning_rates"] == [[0, 0.01], [1, 0.001]]


def test_what_is_at_work_is_told_before_the_first_step(folder: Path) -> None:
    messages = run("small.toml", "--data", "data", "--threads", "1").stderr.splitlines()
    beginnings = ["model: ", "epoch 1: 60 pairs, ", "precision: ", "at work: cpu (", "step 1 of 4"]
    where = [next(i for i, line in enumerate(messages) if line.startswith(b)) for b in beginnings]
    assert where == sorted(where)
    assert messages[where[3]].endswith("1 process of 1 thread")
    assert any(line.startswith("step 2 of 4") for line in messages)


def test_the_environment_keeps_threads_from_spinning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with pytest.raises(CorpusError):
        run("small.toml")
    assert os.environ["OMP_WAIT_POLICY"] == "passive"


def test_a_model_to_begin_from(folder: Path) -> None:
    """Its shape and its tokenizer are the run's, so the settings name neither."""
    run("small.toml", "--data", "data", "--processes", "1")
    table, model = TOML.split("[tokenizer]"), "runs/small/model"
    settings = "[training]" + table[1].split("[training]")[1]
    (folder / "more.toml").write_text(table[0] + settings)
    common = ("more.toml", "--data", "data", "--processes", "1")
    assert run(*common, "--from", model).exit_code == 0
    first, second = (
        json.loads((folder / f"runs/{name}/model/config.json").read_text())["model"]
        for name in ("small", "more")
    )
    assert first == second
