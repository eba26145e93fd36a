"""Trainings, begun and gone on with."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

from tests.faults import samples
from tests.faults.operations.operation import Operation, do, folder, keep, shared


def share(*, stopped: bool) -> None:
    """Train once without a fault; and a second time until it is stopped after the third step.

    The curves at the end are drawn once: Matplotlib takes longer than the training, and has
    nothing to do with files.
    """
    reference = folder() / "reference run"
    do(lambda: samples.train(table(), reference), folder())
    keep("weights", (reference / "model" / "model.safetensors").read_bytes())
    keep("best", (reference / "best" / "model.safetensors").read_bytes())
    keep("curves", (reference / "curves.png").read_bytes())
    if stopped:
        do(lambda: _stop_after(3, folder() / "stopped run"), folder())


def table() -> dict[str, Any]:
    """The settings of the run."""
    return samples.run_table(folder() / "corpora")


def _stop_after(step: int, run: Path) -> None:
    """Train until Ctrl-C, which saves the state of this step and keeps it as none of the mean."""
    from clearhead.training.loop import Trainer
    from clearhead.training.processes.stopping import Stop, StoppedError
    from clearhead.training.settings import Settings

    stop = Stop()
    trainer = Trainer(Settings.from_dict(table()), run, stop=stop)
    after_step = trainer._after_step

    def count() -> None:
        after_step()
        if trainer.progress.step == step - 1:
            stop.signal = signal.SIGINT

    trainer._after_step = count  # type: ignore[method-assign]
    try:
        trainer.train()
    except StoppedError:
        return
    raise AssertionError("the training was not stopped")


def train(there: Path) -> None:
    """Train, or go on, to the end."""
    from matplotlib.figure import Figure

    curves = shared("curves")
    Figure.savefig = lambda self, file, **options: file.write(curves)  # in this process alone
    samples.train(table(), there / "run")


def begin_stopped(there: Path) -> None:
    """The run that was stopped."""
    shutil.copytree(folder() / "stopped run", there / "run")


def look_at_run(there: Path) -> str:
    """Every state must be readable, and a finished model has the bits of a run without a fault."""
    from clearhead.training.checkpoint import read_tensors, states
    from clearhead.training.run_folder.log import read_log
    from clearhead.training.run_folder.progress import read_progress
    from clearhead.translation.checkpoint import read_checkpoint

    run = there / "run"
    for state in states(run) if run.exists() else ():
        read_tensors(state / "model.safetensors")
        if (state / "state.safetensors").exists():
            read_tensors(state / "state.safetensors")
        assert read_progress(state).step == int(state.name[5:])
    for name in ("best", "model"):
        if (run / name).exists():
            read_checkpoint(run / name)
    if not (run / "model").exists():
        return "earlier"
    for name, kept in (("model", "weights"), ("best", "best")):
        content = (run / name / "model.safetensors").read_bytes()
        assert content == shared(kept), f"the weights of {name} are others"
    if not (run / "curves.png").exists():
        return "earlier"
    steps = [row["step"] for row in read_log(run / "log.jsonl") if row["kind"] == "train"]
    assert steps == [1, 2, 3, 4], f"the log has the steps {steps}"
    return "new"


OPERATIONS = (
    Operation(
        "train, with checkpoints",
        lambda there: None,
        train,
        look_at_run,
        short_calls=0,
        slices=6,
    ),
    Operation(
        "go on with a training",
        begin_stopped,
        train,
        look_at_run,
        short_calls=2,
        slices=4,
    ),
)
