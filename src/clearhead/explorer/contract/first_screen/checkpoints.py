"""The checkpoints of a training run: which there are, and which one a question is about."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from ....errors import ConfigError
from ..questions import Question


class TrainedCheckpoint(TypedDict):
    """The weights that a training run had after a step.

    Attributes:
        step: of the optimizer; 0 before the first one.
        development_loss: in nats a prediction; missing where it was not measured.
    """

    step: int
    development_loss: NotRequired[float]


def checkpoint_of(question: Question) -> int | None:
    """Return the step of the checkpoint that a question is about; None where it names none."""
    owner = getattr(question, "run", question)
    step: int | None = getattr(owner, "checkpoint", None)
    return step


def at_checkpoint(question: Question, step: int) -> Question:
    """Return the same question about the checkpoint of a step; one about none stays as it is."""
    if hasattr(question, "run"):
        return question.model_copy(update={"run": at_checkpoint(question.run, step)})
    changed: dict[str, Any] = {"checkpoint": step}
    return question.model_copy(update=changed) if hasattr(question, "checkpoint") else question


def check_checkpoint(question: Question, step: int | None = None) -> None:
    """Check that a question is not about another checkpoint than the one that answers.

    Args:
        question: that was asked.
        step: of the checkpoint; None for what is none of a training run.

    Raises:
        ConfigError: it is.
    """
    other = checkpoint_of(question)
    if other not in (None, step):
        raise ConfigError(
            f"The question is about the checkpoint of step {other:,}, and this is no training run "
            f"with checkpoints to choose from. Leave checkpoint out."
        )
