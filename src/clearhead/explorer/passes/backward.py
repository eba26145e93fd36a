"""The backward pass of a text: the loss of the model's predictions, and every gradient.

Vocabulary tables are an exception: their gradients are computed with the others but not kept,
because they would be most of all numbers. The arrays that they are computed from are kept.
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

# For a model of this size, weights and gradients in float64 take about 600 MB in the pass.
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
    """The results of a backward pass.

    Attributes:
        loss: in nats for each label.
        steps: of the loss and of the gradients, by their paths, in order.
        omitted: paths of the gradients of vocabulary tables, which are not kept.
        seconds: the time of both passes.
    """

    loss: float
    steps: dict[str, Step]
    omitted: tuple[str, ...]
    seconds: float

    @property
    def nbytes(self) -> int:
        """The memory of the steps in bytes."""
        return sum(step.value.nbytes for step in self.steps.values())


def is_small_enough(config: TransformerConfig) -> bool:
    """Return whether a model has logits of words, and is small enough for a backward pass here."""
    if config.reads_images or not config.output.matrix or config.output.labels:
        return False
    return sum(map(math.prod, expected_shapes(config).values())) <= MOST_PARAMETERS


def is_of_backward_pass(path: str) -> bool:
    """Return whether a path is that of a step of the loss, or of a gradient."""
    name = path.rpartition(".")[2]
    return name.startswith("d_") or name in _OF_THE_LOSS


def go_back(model: Transformer, passage: Passage, positions: Iterable[int]) -> BackwardPass:
    """Run a text forwards and backwards, in float64.

    Args:
        model: with an output matrix.
        passage: the tokens to read and to predict.
        positions: the positions whose losses are averaged.
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
        # As in `encoding.encode`: a text of an encoder-only model has no padding.
        mask=None if passage.target else np.ones(labels.shape, dtype=bool),
        trace=recorder,
    )
    seconds = time.perf_counter() - start
    return BackwardPass(result.loss, recorder.steps, tuple(recorder.tables), seconds)


class _BackwardRecorder(StepRecorder):
    """Records the steps of a backward pass; a run already has those of the forward pass.

    Attributes:
        steps: the recorded steps.
        tables: the paths of the gradients of vocabulary tables, which are not recorded.
    """

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.tables: list[str] = []
        super().__init__({}, Record(None, {}), self.steps, {}, set())

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Record a step, and return its value."""
        if any(kind is table for table in _TABLES):
            self.tables.append(self._path(kind.name))
        return super().record(kind, value, of=of)

    def _keeps(self, path: str) -> bool:
        return is_of_backward_pass(path) and path not in self.tables
