"""The backward pass of a text: the loss of what the model predicts there, and every gradient.

Tables over the vocabulary are the exception: their gradients are computed with the others, and
none of their numbers is held, for they would be most of all numbers. What they are made from is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...config import TransformerConfig
from ...reference.backward.gradients import gradients
from ...reference.tracing.record import Record
from ...reference.tracing.step import Step
from ...reference.tracing.step_kind import StepKind
from ...reference.tracing.steps import attention_gradients, loss
from ...reference.transformer import Transformer
from ...reference.weights import expected_shapes
from ...shapes import Array
from ..contract.stopping import check
from .passage import Passage
from .step_recorder import StepRecorder

# Of a model with so many, weights and gradients in float64 take some 600 MB while it goes back.
MOST_PARAMETERS = 20_000_000
_TABLES = (loss.D_TABLE, loss.D_OUTPUT_MATRIX, *loss.D_USES.values())
_OF_THE_LOSS = frozenset(
    kind.name
    for kind in (
        *(loss.LABELS, loss.LABEL_SMOOTHING, loss.LABEL_WEIGHTS, loss.LABEL_DISTRIBUTION),
        *(*loss.LOSSES.values(), loss.LOSS, attention_gradients.BUCKETS),
    )
)


@dataclass(frozen=True, eq=False)
class BackwardPass:
    """What a backward pass recorded.

    Attributes:
        loss: in nats a label.
        steps: of the loss and of the gradients, by their paths, in order.
        omitted: paths of the gradients of tables over the vocabulary, which are not held.
        seconds: that both passes took.
    """

    loss: float
    steps: dict[str, Step]
    omitted: tuple[str, ...]
    seconds: float

    @property
    def nbytes(self) -> int:
        """What the steps hold in memory."""
        return sum(step.value.nbytes for step in self.steps.values())


def is_small_enough(config: TransformerConfig) -> bool:
    """Tell whether a model has logits of words, and is small enough to go back through here."""
    if config.reads_images or not config.output.matrix or config.output.labels:
        return False
    return sum(map(math.prod, expected_shapes(config).values())) <= MOST_PARAMETERS


def is_of_backward_pass(path: str) -> bool:
    """Tell whether a path names a step of the loss, or a gradient."""
    name = path.rpartition(".")[2]
    return name.startswith("d_") or name in _OF_THE_LOSS


def go_back(model: Transformer, passage: Passage, positions: Iterable[int]) -> BackwardPass:
    """Run a text forwards and backwards, in float64.

    Args:
        model: with an output matrix.
        passage: what it reads, and what it is to predict.
        positions: whose losses count: the loss is their mean.
    """
    check()
    start = time.perf_counter()
    labels = np.array([passage.predicted])
    counts = np.zeros(labels.shape, dtype=bool)
    counts[0, list(positions)] = True
    recorder = _BackwardRecorder()
    result = gradients(
        model.config,
        model.weights,
        np.array([passage.source]) if passage.source else None,
        np.array([passage.target]) if passage.target else None,
        labels=labels,
        label_mask=counts,
        # As `encoding.encode`: a text of an encoder alone has no padding.
        mask=None if passage.target else np.ones(labels.shape, dtype=bool),
        trace=recorder,
    )
    seconds = time.perf_counter() - start
    return BackwardPass(result.loss, recorder.steps, tuple(recorder.tables), seconds)


class _BackwardRecorder(StepRecorder):
    """Holds the steps of a backward pass: those of the forward one, a run has already.

    Attributes:
        steps: that are held.
        tables: the paths of the gradients of tables, which are not.
    """

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.tables: list[str] = []
        super().__init__({}, Record(None, {}), self.steps, {}, set())

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Take note of a step, and return its value."""
        if any(kind is table for table in _TABLES):
            self.tables.append(self._path(kind.name))
        return super().record(kind, value, of=of)

    def _keeps(self, path: str) -> bool:
        return is_of_backward_pass(path) and path not in self.tables
