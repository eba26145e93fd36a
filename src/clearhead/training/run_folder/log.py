"""The log of a run: a JSON line per measurement, a progress bar, TensorBoard events, curves."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import CheckpointError, MissingExtraError, require
from ...file_reading import FileProblem, parse_json, read_text
from ...files import open_whole, write_whole
from ...json_fields import Fields
from ...visible import visible
from .progress import Progress
from .run import writing

_MOST_BYTES = 1 << 28  # of a log: more than a million lines
_EARLY_STEPS = (1, 2, 5, 10, 20)  # steps after a start whose progress is shown at once


class Log:
    """``log.jsonl`` in the run's folder, and the progress display on the terminal.

    When a run resumes from an earlier state, the lines of steps after ``step`` are removed, so that
    each step is in the file once.

    Args:
        run: its folder.
        step: the step that the run resumes from.
        last_step: the last step of the run.
        tensorboard: whether TensorBoard's files are written, too.
        predicted: the unit that the loss is a mean over, in the plural.
    """

    def __init__(
        self,
        run: Path,
        *,
        step: int,
        last_step: int,
        tensorboard: bool,
        predicted: str = "target tokens",
    ) -> None:
        self.path = run / "log.jsonl"
        self._predicted = predicted
        self._drop_after(step)
        self._file = self.path.open("a", encoding="utf-8")
        self._last_step = last_step
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._writer = None
        if tensorboard:
            # PyTorch's own import would fail without naming what to install.
            require("tensorboard", extra="train", purpose="Writing TensorBoard logs")
            board = require("torch.utils.tensorboard", extra="train", purpose="Writing logs")
            self._writer = board.SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def _drop_after(self, step: int) -> None:
        if not self.path.exists():
            return
        rows, damaged = _read_rows(self.path)
        if damaged:
            tell(
                f"{self.path}: what cannot be read is left out: line "
                f"{', '.join(map(str, damaged[:5]))}{' and others' * (len(damaged) > 5)}."
            )
        rows = [row for row in rows if row["step"] <= step]
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in rows))

    def write(self, kind: str, step: int, **values: Any) -> None:
        """Write a line; numbers also go to TensorBoard."""
        self._file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
        self._file.flush()
        if self._writer is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self._writer.add_scalar(f"{kind}/{name}", value, step)

    def sync(self) -> None:
        """Wait until all lines are on the disk."""
        os.fsync(self._file.fileno())

    def show(self, text: str) -> None:
        """Print a sentence on its own line."""
        end = "\033[K\n" if self._terminal else "\n"
        start = "\r" if self._terminal else ""
        tell(text, end, start=start)

    def progress(self, step: int, rate: float, loss: float, seconds_per_step: float) -> None:
        """Show one line: a bar on a terminal, plain text elsewhere."""
        time_left = time_text((self._last_step - step) * seconds_per_step)
        facts = (
            f"step {step:,} of {self._last_step:,}  loss {loss:.3f}  "
            f"{rate:,.0f} {self._predicted}/s  {time_left} left"
        )
        if not self._terminal:
            tell(facts)
            return
        filled_cells = round(24 * step / self._last_step)
        bar = "█" * filled_cells + "░" * (24 - filled_cells)
        tell(f"{bar}  {facts}", "\033[K", start="\r")

    def close(self) -> None:
        """End the bar's line and close the files."""
        if self._terminal:
            tell("")
        for end in (self.sync, self._file.close):
            with suppress(OSError):  # a full disk, which was reported before
                end()
        if self._writer is not None:
            self._writer.close()


class NoLog:
    """A log that writes nothing, for processes other than the first."""

    def write(self, kind: str, step: int, **values: Any) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing."""

    def show(self, text: str) -> None:
        """Do nothing."""

    def progress(self, step: int, rate: float, loss: float, seconds_per_step: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log; incomplete and damaged lines are left out.

    Raises:
        CheckpointError: the file cannot be read.
    """
    return _read_rows(path)[0]


def _read_rows(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the readable lines of a log, and the numbers of damaged lines before the last one."""
    try:
        lines = read_text(path, most=_MOST_BYTES).splitlines()
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the log {path}: {error.reason}. Move it away to go on without it."
        ) from error
    rows, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            row = Fields(parse_json(line, finite=False), "the line")
            row.text("kind")
            row.integer("step", least=0)
        except FileProblem:
            damaged.append(number)
            continue
        rows.append(row.members())
    return rows, [number for number in damaged if number < len(lines)]


def time_text(seconds: float) -> str:
    """Return a time as ``1:02:03`` or ``4:05``."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def plot_curves(run: Path, predicted: str = "target tokens") -> Path | None:
    """Draw the log as ``curves.png``; return None if matplotlib is not installed.

    ``predicted`` names the unit that the loss is a mean over, in the plural.
    """
    try:
        require("matplotlib", extra="plots", purpose="Drawing the curves")
        figure_module = require("matplotlib.figure", extra="plots", purpose="Drawing the curves")
    except MissingExtraError:
        return None
    rows = read_log(run / "log.jsonl")
    figure = figure_module.Figure(figsize=(9, 3.6), layout="constrained")
    loss_axes, rate_axes = figure.subplots(1, 2)
    for kind, label, colour in (
        ("train", "training", "#8899aa"),
        ("development", "development", "#0b6e99"),
    ):
        points = _points(rows, kind, "loss")
        if points:
            loss_axes.plot(*zip(*points, strict=True), label=label, color=colour)
    loss_axes.set(xlabel="step", ylabel=f"nats per {predicted[:-1]}", title="Loss (not smoothed)")
    if loss_axes.lines:
        loss_axes.legend(frameon=False)
    points = _points(rows, "train", "learning_rate")
    if points:
        rate_axes.plot(*zip(*points, strict=True), color="#0b6e99")
    rate_axes.set(xlabel="step", title="Learning rate")
    for axes in (loss_axes, rate_axes):
        axes.spines[["top", "right"]].set_visible(False)
    path = run / "curves.png"
    with open_whole(path) as file:
        figure.savefig(file, dpi=150)
    return path


def _points(rows: list[dict[str, Any]], kind: str, name: str) -> list[tuple[int, float]]:
    """Return pairs of step and value from the rows of one kind."""
    values = [(row["step"], row.get(name)) for row in rows if row["kind"] == kind]
    return [(step, value) for step, value in values if isinstance(value, int | float)]


def tell(text: str, end: str = "\n", *, start: str = "") -> None:
    """Print a sentence to standard error; a closed terminal does not end the training."""
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(start + visible(text), file=sys.stderr, end=end, flush=True)


@dataclass
class LogInterval:
    """Sums over the steps since the last line of the log.

    Attributes:
        tokens, total_loss, seconds: sums over the steps; the loss is in nats.
        steps: number of steps.
    """

    tokens: int = 0
    total_loss: float = 0.0
    seconds: float = 0.0
    steps: int = 0

    def add(self, tokens: int, loss: float, seconds: float) -> None:
        """Add one step."""
        self.tokens += tokens
        self.total_loss += loss
        self.seconds += seconds
        self.steps += 1

    @property
    def loss(self) -> float:
        """Nats per target token."""
        return self.total_loss / self.tokens

    @property
    def tokens_per_second(self) -> float:
        """Target tokens in a second of training."""
        return self.tokens / self.seconds

    @property
    def seconds_per_step(self) -> float:
        """Mean seconds of one step."""
        return self.seconds / self.steps


class Clock:
    """A stop watch."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last call, or since the clock was created."""
        now = time.perf_counter()
        elapsed, self._last = now - self._last, now
        return elapsed


class StepLog:
    """Writes the log's lines about training steps: one for every ``every`` steps.

    Args:
        run: the folder of the run.
        log: where lines are written.
        progress: of the run; the time of each step is added to its ``seconds``.
        every: steps between two lines.

    Attributes:
        clock: measures each step; call `Clock.lap` to exclude the time since the last step.
    """

    def __init__(self, run: Path, log: Log | NoLog, progress: Progress, *, every: int) -> None:
        self.clock = Clock()
        self._run, self._log, self._progress, self._every = run, log, progress, every
        self._interval = LogInterval()

    def add(self, tokens: int, loss: float, norm: float, rate: float) -> None:
        """Add the step that has just ended, and write a line if one is due.

        Args:
            tokens: target tokens of the step.
            loss: sum over these tokens, in nats.
            norm: of the gradient.
            rate: the learning rate.
        """
        elapsed = self.clock.lap()
        progress, interval = self._progress, self._interval
        progress.seconds += elapsed
        interval.add(tokens, loss, elapsed)
        facts = interval.tokens_per_second, interval.loss, interval.seconds_per_step
        if progress.step % self._every:
            if progress.step - progress.starts[-1] in _EARLY_STEPS:
                self._log.progress(progress.step, *facts)
            return
        self._log.progress(progress.step, *facts)
        with writing(self._run):
            self._log.write(
                "train",
                progress.step,
                epoch=progress.epoch,
                loss=interval.loss,
                learning_rate=rate,
                gradient_norm=norm,
                tokens_per_second=interval.tokens_per_second,
                seconds=progress.seconds,
            )
        self._interval = LogInterval()
