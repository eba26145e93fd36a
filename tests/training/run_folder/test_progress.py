"""Where a run stands is read of a state's folder, or that file is named."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from clearhead.errors import CheckpointError
from clearhead.training.run_folder.progress import Progress, read_progress, write_progress
from tests.strangers import SPOILT, edits, refusal, spoilt

FULL = Progress(
    step=9,
    epoch=1,
    batch=3,
    seconds=1.5,
    target_tokens=700,
    best_loss=2.25,
    best_step=8,
    starts=[0, 4],
    stopped=True,
    precision="bfloat16",
    machine={"processor": "x", "threads": 2},
    rates=[[0, 0.1], [4, 0.05]],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state = tmp_path / "step-00000009"
    state.mkdir()
    (state / "progress.json").write_text(json.dumps(asdict(FULL)))
    return state


def test_it_comes_back(folder: Path) -> None:
    assert read_progress(folder) == FULL


def test_a_digit_that_is_another_is_told(folder: Path) -> None:
    write_progress(folder, FULL)
    path = folder / "progress.json"
    assert read_progress(folder) == FULL
    path.write_text(path.read_text().replace('"target_tokens": 700', '"target_tokens": 701'))
    with pytest.raises(CheckpointError, match=r"the checksum \(crc32\) is another one"):
        read_progress(folder)


def test_what_an_older_version_did_not_write_has_its_default(folder: Path) -> None:
    (folder / "progress.json").write_text('{"step": 9}')
    assert read_progress(folder) == Progress(step=9)


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file(folder: Path, how: str) -> None:
    with spoilt(folder / "progress.json", how) as path:
        message = refusal(CheckpointError, lambda: read_progress(folder))
    assert message is not None
    assert message.startswith(f"Cannot read {path}: ")
    assert message.endswith(f"Remove the folder {folder} to go on from the state before it.")


def test_every_member_replaced_by_values_of_every_type(folder: Path) -> None:
    refusals = 0
    for name, changed in edits(asdict(FULL)):
        (folder / "progress.json").write_text(json.dumps(changed))
        message = refusal(CheckpointError, lambda: read_progress(folder))
        refusals += message is not None
        assert message or "left out" in name or "machine" in name or type(changed) is dict
    assert refusals > 150


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("step", -1, "'step' of the file is -1; it must be from 0"),
        ("step", True, "'step' of the file is true or false, not a whole number"),
        ("stopped", 1, "'stopped' of the file is a whole number, not true or false"),
        ("starts", [0, "1"], r"'starts' of the file, [1] is a text, not a whole number"),
        ("precision", "float8", "its precision is 'float8', and there are float32 and bfloat16"),
        ("machine", {"threads": 10**9}, "it must be from 1 to 4096"),
        ("rates", [[1]], "its rates are not pairs of a step and a learning rate"),
        ("rates", [[1, "x"]], "'rate' of its rates, [0] is a text, not a number"),
        ("best_loss", "low", "'best_loss' of the file is a text, not a number"),
        ("mood", "good", "the file has 'mood', which is none of its members"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, name: str, value: object, words: str) -> None:
    (folder / "progress.json").write_text(json.dumps(asdict(FULL) | {name: value}))
    message = refusal(CheckpointError, lambda: read_progress(folder))
    assert message is not None
    assert words in message


def test_it_is_of_the_step_that_its_folder_is_of(folder: Path) -> None:
    (folder / "progress.json").write_text('{"step": 8}')
    with pytest.raises(CheckpointError, match="it is of step 8"):
        read_progress(folder)
