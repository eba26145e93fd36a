"""Explores the checkpoints of a training run: the same text and head during training.

An `Explorer` answers about each checkpoint; a question's ``checkpoint`` says which one is meant.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, ConfigError
from ..file_reading import FileProblem, parse_json, read_text
from ..json_fields import Fields
from ..translation.checkpoint import read_run_checkpoint
from .contract.answers import Answer
from .contract.first_screen.checkpoints import TrainedCheckpoint, at_checkpoint, checkpoint_of
from .contract.questions import ModelQuestion, Question
from .contract.reading import QUESTIONS, read_question
from .contract.values import LIMITS, Limits
from .explorer import Explorer

_STATE = re.compile(r"step-(\d{8})")
_MOST_EXPLORERS = 3
_CACHE_BYTES = 32 * 2**20  # for each explorer
_MOST_LOG_BYTES = 2**28


def is_training_run(folder: str | Path) -> bool:
    """Return whether a folder is a training run's, with settings.json but without a model."""
    path = Path(folder)
    try:
        return (path / "settings.json").is_file() and not (path / "model.safetensors").exists()
    except (OSError, ValueError):  # not a path: too long, or with a zero byte
        return False


class TrainingRun:
    """Answers questions about the checkpoints of one run. Several threads may ask at once.

    The list of checkpoints is read again with each question about the model, so reloading the page
    shows new ones of a run in progress.

    Args:
        folder: of the run.
        limits: bounds on the size of questions and answers.

    Raises:
        CheckpointError: there is no checkpoint yet, or the run's version wrote checkpoints that
            cannot be read by themselves.
    """

    def __init__(self, folder: str | Path, *, limits: Limits | None = None) -> None:
        self.folder = Path(folder)
        self.limits = limits or LIMITS
        self._lock = threading.Lock()
        self._explorers: OrderedDict[int, Explorer] = OrderedDict()
        _check(self.folder)
        self._explorer(_steps(self.folder)[-1])  # refuses a run that cannot be read at once

    def answer(self, name: str, params: Mapping[str, Any] | Question | None = None) -> Answer:
        """Answer a question about the checkpoint that it names, or the last one.

        Raises:
            ConfigError: there is no such question or checkpoint, or as `Explorer.answer`.
            CheckpointError: the checkpoint is damaged.
        """
        if name not in QUESTIONS:
            raise ConfigError(
                f"There is no question {name!r}. The questions are {', '.join(QUESTIONS)}."
            )
        question = read_question(QUESTIONS[name], {} if params is None else params, self.limits)
        step = checkpoint_of(question)
        if step is None:
            step = _steps(self.folder)[-1]
        answer = self._explorer(step).answer(name, at_checkpoint(question, step))
        if isinstance(question, ModelQuestion):
            return Answer({**answer.json, "checkpoints": self._checkpoints()}, answer.arrays)
        return answer

    def _explorer(self, step: int) -> Explorer:
        """Return the explorer of a checkpoint, from a cache of recent ones or new."""
        with self._lock:
            if step not in self._explorers:
                self._explorers[step] = self._read(step)
            self._explorers.move_to_end(step)
            while len(self._explorers) > _MOST_EXPLORERS:
                self._explorers.popitem(last=False)
            return self._explorers[step]

    def _read(self, step: int) -> Explorer:
        steps = _steps(self.folder)
        if step not in steps:
            raise ConfigError(
                f"The run {self.folder.name} has no checkpoint of step {step:,}; it has those of "
                f"{', '.join(f'{one:,}' for one in steps)}. Choose one of them. A training that "
                f"goes on removes old ones: training.keep_every keeps some of them for good."
            )
        return Explorer(
            read_run_checkpoint(self.folder, step),
            name=self.folder.resolve().name,
            limits=self.limits,
            cache_bytes=_CACHE_BYTES,
            checkpoint=step,
        )

    def _checkpoints(self) -> list[TrainedCheckpoint]:
        losses = _development_losses(self.folder / "log.jsonl")
        checkpoints: list[TrainedCheckpoint] = []
        for step in _steps(self.folder):
            checkpoint: TrainedCheckpoint = {"step": step}
            if step in losses:
                checkpoint["development_loss"] = losses[step]
            checkpoints.append(checkpoint)
        return checkpoints


def _steps(folder: Path) -> list[int]:
    """Return the steps of a run's checkpoints, in order.

    Raises:
        CheckpointError: there is none.
    """
    steps = sorted(
        int(name[1])
        for path in folder.glob("step-*")
        if (name := _STATE.fullmatch(path.name)) and path.is_dir()
    )
    if not steps:
        raise CheckpointError(
            f"The training run {folder} has no checkpoint yet. Open it again when the first one is "
            f"saved (training.checkpoint_every says when); with training.keep_every, that of step "
            f"0 is there from the beginning."
        )
    return steps


def _check(folder: Path) -> None:
    _steps(folder)
    missing = [one for one in ("config.json", "tokenizer.json") if not (folder / one).is_file()]
    if missing:
        raise CheckpointError(
            f"The training run {folder} lacks {' and '.join(missing)}, without which its "
            f"checkpoints cannot be read: an earlier version of clearhead began it, or the folder "
            f"was not copied whole. Start its clearhead train once more, which writes config.json, "
            f"or open its finished model, {folder / 'model'}."
        )


def _development_losses(log: Path) -> dict[int, float]:
    """Return the development losses in a run's log, by step; empty if there is no log.

    An incomplete last line is ignored.
    """
    try:
        lines = read_text(log, most=_MOST_LOG_BYTES).splitlines()
    except FileProblem:  # the losses are optional
        return {}
    losses: dict[int, float] = {}
    for line in lines:
        if '"development"' not in line:
            continue
        try:
            row = Fields(parse_json(line), "the line")
            if row.text("kind") == "development":
                losses[row.integer("step", least=0)] = row.number("loss")
        except FileProblem:
            continue
    return losses
