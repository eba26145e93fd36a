"""Answers with the backward pass of a run, and its arrays beside those of the forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import ConfigError, ShapeError
from ...reference.tracing.step import Step
from ...reference.transformer import Transformer
from ..contract.arrays import ArraySource
from ..contract.meaning.gradients import GradientsAnswer
from ..contract.questions import RunQuestion
from ..models.walked_model import WalkedModel
from ..passes.backward import (
    MOST_PARAMETERS,
    BackwardPass,
    go_back,
    is_of_backward_pass,
    is_small_enough,
)
from ..passes.bounded_trace import BoundedTrace
from ..passes.run_cache import RunCache
from .run import Run
from .run_answer import step_answer

_BYTES = 64 * 2**20


def has_gradients(models: WalkedModel) -> bool:
    """Return whether a model predicts words, and is small enough for a backward pass."""
    return models.predicts_words and is_small_enough(models.config)


def counting_positions(run: Run, position: int | None) -> tuple[int, ...]:
    """Return the positions whose losses are averaged.

    Raises:
        ConfigError: the model has no loss, or an edit replaces a step.
        ShapeError: there is no such position, or the text is too long.
    """
    if not has_gradients(run.models):
        raise ConfigError(
            "gradients: there are those of a cross-entropy over words, for models of up to "
            f"{MOST_PARAMETERS:,} weights; this model is larger or predicts no words. "
            "clearhead.reference.gradients computes those of any size."
        )
    if run.changes:
        raise ConfigError(
            "gradients: an edit replaces a step of this run, and how a loss changes with what a "
            "replacement reads is not known. Undo the edits; other words may be read or predicted."
        )
    if isinstance(run.trace, BoundedTrace):
        raise ShapeError(
            f"gradients: this text is too long to hold all numbers of both passes, with "
            f"{len(run.source)} tokens read and {len(run.predicted)} predicted. "
            "Give a shorter one, such as one sentence."
        )
    if position is not None:
        if position >= len(run.predicted):
            raise ShapeError(
                f"gradients: position must be between 0 and {len(run.predicted) - 1} here; it is "
                f"{position}."
            )
        return (position,)
    return run.passage.scored_positions


class BackwardPasses:
    """A cache of recent backward passes, each computed once.

    Args:
        most_bytes: the most memory of all of them together.
    """

    def __init__(self, most_bytes: int = _BYTES) -> None:
        self._passes: RunCache[tuple[RunQuestion, int | None], BackwardPass] = RunCache(most_bytes)

    def _of(self, run: Run, position: int | None) -> BackwardPass:
        """Return the backward pass of a run; see `counting_positions` for the errors."""
        key = run.request, position
        return self._passes.get(
            key, lambda: go_back(run.reference, run.passage, counting_positions(run, position))
        )

    def answer(self, run: Run, position: int | None) -> GradientsAnswer:
        """Answer ``gradients``; see `counting_positions` for the errors.

        Args:
            run: the run whose backward pass is computed.
            position: the position of the loss; None for the mean over all positions that count.
        """
        backward = self._of(run, position)
        return {
            "position": position,
            "positions": list(counting_positions(run, position)),
            "loss": backward.loss,
            "steps": [step_answer(run, step, []) for step in backward.steps.values()],
            "omitted": list(backward.omitted),
            "seconds": backward.seconds,
        }

    def arrays(self, run: Run, paths: Iterable[str], position: int | None) -> ArraySource:
        """Return the source of these paths' arrays: the run, or both of its passes."""
        if any(map(is_of_backward_pass, paths)):
            return BothPasses(run, self._of(run, position))
        return run


class BothPasses:
    """The steps of a run and of its backward pass, for windows of their arrays.

    It serves as its own ``trace``: `clearhead.explorer.contract.arrays.Steps`.
    """

    def __init__(self, run: Run, backward: BackwardPass) -> None:
        self._run, self._later = run, backward.steps

    @property
    def trace(self) -> BothPasses:
        """All steps."""
        return self

    @property
    def reference(self) -> Transformer:
        """The model, for its weights."""
        return self._run.reference

    @property
    def paths(self) -> list[str]:
        """The paths of all steps, in order."""
        return [*self._run.trace.paths, *self._later]

    def __contains__(self, path: object) -> bool:
        return path in self._later or path in self._run.trace

    def __iter__(self) -> Iterator[Step]:
        yield from self._run.trace
        yield from self._later.values()

    def __getitem__(self, path: str) -> Step:
        return self._later[path] if path in self._later else self._run.trace[path]
