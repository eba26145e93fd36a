"""The question ``gradients`` and its answer: how the loss of a text would change with each number.

Their numbers are asked for as those of all steps are, by the question ``array``.
"""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import TypedDict

from ..questions import Question, RunQuestion
from ..run_answers import StepAnswer
from ..values import Index


class GradientsQuestion(Question):
    """The backward pass of a run: the loss of what is predicted, and the gradient of every step.

    Attributes:
        run: the text, with what is to be predicted; without edits that change steps.
        position: whose loss it is; None for the mean over all positions that count.
    """

    question: ClassVar[str] = "gradients"
    run: RunQuestion
    position: Index | None = None


class GradientsAnswer(TypedDict):
    """A backward pass, without its numbers.

    Attributes:
        position: that was asked for.
        positions: those whose losses make the mean.
        loss: in nats a token.
        steps: of the loss, and the gradients, in the order of computation.
        omitted: the paths of the gradients of tables over the vocabulary, which are computed too
            and too large to be held.
        seconds: that both passes took.
    """

    position: int | None
    positions: list[int]
    loss: float
    steps: list[StepAnswer]
    omitted: list[str]
    seconds: float
