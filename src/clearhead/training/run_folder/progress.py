"""The progress of a run, as stored in the folder of a state."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...json_fields import CHECKSUM, Fields, with_checksum
from ...visible import quoted

STATE = re.compile(r"step-(\d{8})")
FIRST = "step-00000000"
"""The name of the folder of the state before the first step."""
_NAME = "progress.json"
_PRECISIONS = ("float32", "bfloat16")
_MOST_THREADS = 1 << 12


@dataclass
class Progress:
    """The progress of a run, between two steps.

    Attributes:
        step: optimizer steps done.
        epoch: the epoch of the next batch, counted from 0.
        batch: batches of that epoch already used.
        seconds: time spent in steps so far, over all starts.
        target_tokens: target tokens trained on so far.
        best_loss, best_step: the lowest development loss, in nats per token, and its step.
        without_better: number of measurements since the best one.
        starts: the steps at which the run was started or resumed.
        stopped: whether this state is an extra one, saved when a signal stopped the run. The run
            can resume from it, but it is not averaged into the finished model.
        precision: of the matrix products, chosen when the run began; None in old states.
        machine: the other facts that the exact bits depend on, by name: processor, PyTorch,
            threads, processes.
        micro_batches: the number of parts of each step; 0 before it is known.
        rates: pairs of a step and the training.learning_rate that applied from it on.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    target_tokens: int = 0
    best_loss: float | None = None
    best_step: int = 0
    without_better: int = 0
    starts: list[int] = field(default_factory=list)
    stopped: bool = False
    precision: str | None = None
    machine: dict[str, Any] = field(default_factory=dict)
    micro_batches: int = 0
    rates: list[list[float]] = field(default_factory=list)

    @property
    def threads(self) -> int:
        """Threads of each process when the run began; 0 if it has not begun."""
        return int(self.machine.get("threads", 0))

    @property
    def processes(self) -> int:
        """Number of processes when the run began; 0 if it has not begun or did not store it."""
        return int(self.machine.get("processes", 0))

    def note_development_loss(self, loss: float) -> None:
        """Record a development loss: it is the new best, or one more without an improvement."""
        if self.best_loss is None or loss < self.best_loss:
            self.best_loss, self.best_step = loss, self.step
            self.without_better = 0
        else:
            self.without_better += 1


def damaged(path: Path, reason: object) -> str:
    """Return the error message about an unreadable file of a state or of a model."""
    advice = "Give another folder."
    if STATE.fullmatch(path.parent.name):
        advice = f"Remove the folder {path.parent} to go on from the state before it."
    return f"Cannot read {path}: {reason}. It is missing or damaged. {advice}"


def write_progress(folder: Path, progress: Progress) -> None:
    """Write the progress of a run to the folder of a state."""
    text = json.dumps(with_checksum(asdict(progress)), indent=2)
    (folder / _NAME).write_text(text, encoding="utf-8")


def read_progress(folder: Path) -> Progress:
    """Read the progress of a run from the folder of a state.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    path = folder / _NAME
    try:
        progress = _progress(Fields(read_json(path), "the file"))
    except FileProblem as error:
        raise CheckpointError(damaged(path, error.reason)) from error
    name = STATE.fullmatch(folder.name)
    if name and int(name[1]) != progress.step:
        raise CheckpointError(damaged(path, f"it is of step {progress.step:,}"))
    return progress


def _progress(file_members: Fields) -> Progress:
    """Return the progress from a file's members; missing ones have their defaults."""
    names = tuple(one.name for one in fields(Progress))
    file_members.only((*names, CHECKSUM))
    progress = Progress()
    for name in names:
        if name not in file_members.names():
            continue
        setattr(progress, name, _member(file_members, name))
    file_members.check_sum()
    return progress


def _member(file_members: Fields, name: str) -> Any:
    if name in ("best_loss", "precision") and not file_members.has(name):
        return None
    if name in ("seconds", "best_loss"):
        return file_members.number(name)
    if name == "stopped":
        return file_members.flag(name)
    if name == "starts":
        return file_members.integers(name)
    if name == "precision":
        return _precision(file_members)
    if name == "machine":
        return _machine(file_members)
    if name == "rates":
        return _rates(file_members)
    return file_members.integer(name, least=0)


def _precision(file_members: Fields) -> str:
    precision = file_members.text("precision")
    if precision not in _PRECISIONS:
        raise FileProblem(
            f"its precision is {quoted(precision)}, and there are {' and '.join(_PRECISIONS)}"
        )
    return precision


def _machine(file_members: Fields) -> dict[str, Any]:
    machine = file_members.object("machine")
    for name in ("threads", "processes"):
        if machine.has(name):
            machine.integer(name, least=1, most=_MOST_THREADS)
    return machine.members()


def _rates(file_members: Fields) -> list[list[float]]:
    rows = file_members.items("rates")
    pairs = Fields({str(i): row for i, row in enumerate(rows)}, "'rates' of the file")
    for i in range(len(rows)):
        row = pairs.items(str(i))
        if len(row) != 2:
            raise FileProblem("its rates are not pairs of a step and a learning rate")
        pair = Fields({"step": row[0], "rate": row[1]}, f"its rates, [{i}]")
        pair.integer("step", least=0)
        pair.number("rate")
    return rows
