"""What a run tells: the log, the progress line, curves, and what is missing for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clearhead.errors import CheckpointError, MissingExtraError
from clearhead.training.run_folder.log import Clock, Log, plot_curves, read_log, tell, time_text
from tests.strangers import DEEP, spoilt


def rows(run: Path) -> list[tuple[str, int]]:
    return [(row["kind"], row["step"]) for row in read_log(run / "log.jsonl")]


def write_some(run: Path, first: int, last: int, *, step: int = 0, board: bool = False) -> None:
    log = Log(run, step=step, last_step=100, tensorboard=board)
    for number in range(first, last + 1):
        log.write("train", number, loss=1.0 / number, learning_rate=0.1, epoch=0)
    log.write("development", last, loss=0.5)
    log.close()


def test_lines(tmp_path: Path) -> None:
    write_some(tmp_path, 1, 2)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[1]) == {
        "kind": "train",
        "step": 2,
        "loss": 0.5,
        "learning_rate": 0.1,
        "epoch": 0,
    }
    assert rows(tmp_path) == [("train", 1), ("train", 2), ("development", 2)]


def test_going_on_drops_what_was_beyond_the_state_and_what_was_cut(tmp_path: Path) -> None:
    write_some(tmp_path, 1, 5)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')
    write_some(tmp_path, 4, 6, step=3)
    assert rows(tmp_path) == [("train", n) for n in range(1, 7)] + [("development", 6)]


def test_a_damaged_line_takes_no_other_with_it(tmp_path: Path, capsys) -> None:
    write_some(tmp_path, 1, 3)
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text().replace('"step": 2', '"stem": 2'))
    write_some(tmp_path, 4, 4, step=3)
    assert rows(tmp_path) == [
        *[("train", 1), ("train", 3), ("development", 3), ("train", 4), ("development", 4)]
    ]
    assert f"{path}: what cannot be read is left out: line 2." in capsys.readouterr().err


def test_a_cut_line_is_left_out(tmp_path: Path) -> None:
    write_some(tmp_path, 1, 3)
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text()[:-5])
    assert rows(tmp_path) == [("train", 1), ("train", 2), ("train", 3)]


@pytest.mark.parametrize(
    "line",
    ["[]", "3", "{}", '{"kind": "train"}', '{"kind": 3, "step": 1}', DEEP, '{"step": "1"}',
     '{"kind": "train", "step": -1}', '{"kind": "train", "step": true}'],
)  # fmt: skip
def test_a_line_that_no_log_has_is_left_out(tmp_path: Path, line: str) -> None:
    write_some(tmp_path, 1, 1)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write(line + "\n")
    assert rows(tmp_path) == [("train", 1), ("development", 1)]


def test_numbers_that_are_not_finite_are_kept(tmp_path: Path) -> None:
    log = Log(tmp_path, step=0, last_step=9, tensorboard=False)
    log.write("development", 1, loss=1.0, perplexity=float("inf"))
    log.close()
    assert read_log(tmp_path / "log.jsonl")[0]["perplexity"] == float("inf")


@pytest.mark.parametrize("how", ["folder", "noise", "pipe"])
def test_a_log_that_is_none(tmp_path: Path, how: str) -> None:
    write_some(tmp_path, 1, 1)
    with spoilt(tmp_path / "log.jsonl", how) as path, pytest.raises(CheckpointError) as error_info:
        Log(tmp_path, step=3, last_step=9, tensorboard=False)
    assert str(error_info.value).startswith(f"Cannot read the log {path}: ")


def test_curves_of_measurements_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "log.jsonl").write_text(
        '{"kind": "train", "step": 1, "loss": "x"}\n{"kind": "train", "step": 2, "loss": null}\n'
        '{"kind": "development", "step": 2}\n'
    )
    assert plot_curves(tmp_path) == tmp_path / "curves.png"


def test_no_escapes_of_a_stranger_are_told(capsys: pytest.CaptureFixture) -> None:
    tell("corpus \x1b[2J\x9b: 3 pairs")
    assert capsys.readouterr().err == "corpus \\x1b[2J\\x9b: 3 pairs\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-3, "0:00"), (65, "1:05"), (3599.6, "1:00:00"), (90061, "25:01:01")],
)
def test_times(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def progress(tmp_path: Path) -> None:
    log = Log(tmp_path, step=0, last_step=2000, tensorboard=False)
    log.progress(1000, 3210.4, 2.5, 0.25)
    log.show("A sentence.")
    log.close()


def test_progress_in_a_file_is_plain_lines(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    progress(tmp_path)
    assert capsys.readouterr().err == (
        "step 1,000 of 2,000  loss 2.500  3,210 target tokens/s  4:10 left\nA sentence.\n"
    )


def test_progress_on_a_terminal_is_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress(tmp_path)
    start, bar, sentence = capsys.readouterr().err.split("\r")
    assert start == ""
    assert bar.startswith("█" * 12 + "░" * 12 + "  step 1,000 of 2,000")
    assert bar.endswith("\033[K")
    assert sentence == "A sentence.\033[K\n\n"


class Writer:
    """What a TensorBoard writer is to the log."""

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step = folder, purge_step
        self.scalars: list[Any] = []
        Writer.last = self

    last: Writer

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def close(self) -> None:
        self.scalars.append("closed")


def test_tensorboard_gets_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    write_some(tmp_path, 8, 8, step=7, board=True)
    assert Writer.last.folder == str(tmp_path / "tensorboard")
    assert Writer.last.purge_step == 8
    assert Writer.last.scalars == [
        ("train/loss", 0.125, 8),
        ("train/learning_rate", 0.1, 8),
        ("train/epoch", 0, 8),
        ("development/loss", 0.5, 8),
        "closed",
    ]


def test_tensorboard_writes_event_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    write_some(tmp_path, 1, 3, board=True)
    assert [p.name[:16] for p in (tmp_path / "tensorboard").iterdir()] == ["events.out.tfeve"]


def test_a_missing_tensorboard_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(MissingExtraError) as error_info:
        Log(tmp_path, step=0, last_step=1, tensorboard=True)
    assert str(error_info.value) == (
        "Writing TensorBoard logs needs the package 'tensorboard', which is not installed. "
        'Install it with: pip install "clearhead[train]"'
    )


def test_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_some(tmp_path, 1, 20)
    path = plot_curves(tmp_path)
    assert path == tmp_path / "curves.png"
    full = path.read_bytes()
    assert full.startswith(b"\x89PNG")
    (tmp_path / "log.jsonl").write_text("")
    plot_curves(tmp_path)  # a run too short for its log
    assert len(path.read_bytes()) < len(full)


def test_no_curves_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_some(tmp_path, 1, 2)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    assert plot_curves(tmp_path) is None
    assert not (tmp_path / "curves.png").exists()


def test_the_clock_counts_laps(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.5, 13.0])
    monkeypatch.setattr("clearhead.training.run_folder.log.time.perf_counter", lambda: next(times))
    clock = Clock()
    assert [clock.lap(), clock.lap()] == [2.5, 0.5]
