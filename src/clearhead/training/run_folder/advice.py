"""Errors and advice for a run whose weights or losses are no longer finite."""

from __future__ import annotations

import math
from pathlib import Path

from ...errors import TrainingError
from ..checkpoint import states
from ..settings import TrainingSettings
from .progress import FIRST

_EXPLODED = 2.0  # times the loss of guessing, or the best so far if that was worse


def bad_step(number: str, step: int, run: Path, options: TrainingSettings) -> TrainingError:
    """Return the error for a step whose loss or gradient (named by ``number``) is not finite."""
    return TrainingError(
        f"The {number} of step {step} is not a finite number, so training stops before the weights "
        f"are spoilt. {advice_on_bad_numbers(run, options)}"
    )


def bad_weights(reason: str, step: int, run: Path, options: TrainingSettings) -> TrainingError:
    """Return the error for weights that training cannot resume from, with its reason."""
    return TrainingError(
        f"With the weights after step {step} {reason}, so they are not saved and training stops. "
        f"{advice_on_bad_numbers(run, options)}"
    )


def diverged(loss: float, best: float | None, guess: float) -> str | None:
    """Return why a run has diverged, as a clause; None if it has not.

    Args:
        loss: on the development set, in nats.
        best: the lowest loss before; None at the first measurement, which is never judged.
        guess: the loss of uniform guessing.
    """
    if not math.isfinite(loss):
        return "the development loss is not a finite number"
    if best is not None and loss > _EXPLODED * max(guess, best):
        return (
            f"the development loss is {loss:.4g} nats, where mere guessing gives {guess:.1f} and "
            f"{best:.4g} was reached before"
        )
    return None


def advice_on_bad_numbers(run: Path, options: TrainingSettings) -> str:
    """Return sentences on how to resume after a step with unusable numbers."""
    complete = [state for state in states(run) if state.name != FIRST]
    if complete:
        return (
            f"The state before it is in {complete[-1]}. The run goes on from there with a lower "
            f"training.learning_rate (now {options.learning_rate}); more "
            f"training.warmup_steps or training.precision = 'float32' need a new run."
        )
    return (
        f"No state was saved yet, so any setting may be changed: try a lower "
        f"training.learning_rate (now {options.learning_rate}), more "
        f"training.warmup_steps, or training.precision = 'float32'."
    )
