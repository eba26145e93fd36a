"""A walk: a text's forward pass, traced in float64 and compared with the fast engine.

`clearhead.explorer.models` says how each kind of model reads a text, and what it computes from it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError
from ...reference.softmax import log_softmax
from ...reference.tracing.trace import Trace
from ...reference.transformer import Transformer
from ...shapes import Array, Float
from ...translation.sentences.segments import Piece
from ..contract.base_edit import Changes
from ..contract.edits import changes_of, check_edits, check_queries, edited_source
from ..contract.questions import RunQuestion
from ..contract.run_answers import ProtectedNote, Sentence
from ..models.walked_model import WalkedModel
from ..passes.bounded_trace import BoundedTrace
from ..passes.edited_engine import Editor
from ..passes.passage import FastRows, Passage
from .predictions import NUMBERS, Prediction, predictions


@dataclass(frozen=True, eq=False)
class Run:
    """A text and its forward pass, with every step except the contributions.

    Attributes:
        request: the question, normalised.
        models: the model, fast and exact.
        pieces: the pieces of the text; number ``request.sentence`` is walked.
        read: the text as the model reads it.
        changes: the changes of steps that the edits make.
        passage: the tokens that the model reads and predicts, after edits of the text.
        trace: float64, batch of 1: all steps but attention's ``contributions``. Edited steps
            say ``replaced``. For a long text, numbers are computed on demand.
        predictions: the prediction at each position; for a classifier, its labels at the first;
            empty if the model predicts nothing.
        largest_difference: between the fast engine and the reference, of a log-probability, or of
            an output vector if there are none.
        unreached: indices of edits that affect no query, because the target is too short.
        baseline: the result without edits, and the log-probability of its target under these edits.
        seconds: the time of each part.
    """

    request: RunQuestion
    models: WalkedModel
    pieces: tuple[Piece, ...]
    read: str
    changes: Changes
    passage: Passage
    trace: Trace | BoundedTrace
    predictions: tuple[Prediction, ...]
    largest_difference: float
    unreached: tuple[int, ...]
    baseline: EditFreeRun | None
    seconds: dict[str, float]

    @property
    def config(self) -> TransformerConfig:
        """The config of the model."""
        return self.models.config

    @property
    def reference(self) -> Transformer:
        """The model in float64; the trace was computed with its ``weights``."""
        return self.models.reference

    @property
    def source(self) -> tuple[int, ...]:
        """Token ids that the encoder reads."""
        return self.passage.source

    @property
    def target(self) -> tuple[int, ...]:
        """Token ids that the decoder reads."""
        return self.passage.target

    @property
    def predicted(self) -> tuple[int, ...]:
        """The token after each of the decoder's tokens, or at each of an encoder's positions.

        For a classifier, the number of its label.
        """
        return self.passage.predicted

    @property
    def translation(self) -> str:
        """The text of the target."""
        return self.passage.text

    @cached_property
    def log_probabilities(self) -> Array:
        """The log-probability of each predicted token, Float["positions"]."""
        return np.array([one.log_probability for one in self.predictions])

    @property
    def logits(self) -> Float[Array, "scored_positions vocab"]:
        """The logits at the positions that count; for a long text they are computed on demand."""
        places = np.array(self.passage.scored_positions)
        step = self.trace["logits"]
        window = slice(int(places.min()), int(places.max()) + 1)
        rows: Array = step.value[slice(0, 1), window, slice(0, step.shape[2])][0]
        return rows[places - places.min()]

    @property
    def log_probability(self) -> float:
        """The sum over the positions that count."""
        return float(self.log_probabilities[list(self.passage.scored_positions)].sum())

    @cached_property
    def protected(self) -> ProtectedNote | None:
        """The note to show if translating protects parts of the sentence; else None."""
        request = self.request
        if request.edits or request.target is not None or request.target_ids is not None:
            return None
        return self.models.note(self.read, self.passage, request)

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The pieces of the text, with the model's result for each without edits."""
        return self.models.sentences(self.pieces, self.request, self.passage)

    @cached_property
    def nbytes(self) -> int:
        """The memory of the trace in bytes."""
        if isinstance(self.trace, BoundedTrace):
            return self.trace.nbytes
        return sum(step.value.nbytes for step in self.trace)


@dataclass(frozen=True, eq=False)
class EditFreeRun:
    """The results that an edited run is compared with, without their trace.

    Attributes:
        passage: the tokens that the model reads and predicts without edits.
        log_probability: of its target, without edits; 0 for a model that predicts nothing.
        label_logits: of a classifier, Float["labels"], without edits; None for other models.
        target_log_probability: of its target, under the edited model.
        output_change: for a model that predicts no words, the distance that each output vector
            moved, relative to its length; None for other models.
    """

    passage: Passage
    log_probability: float
    label_logits: Array | None
    target_log_probability: float
    output_change: Array | None

    @classmethod
    def of(
        cls, before: Run, *, target_log_probability: float = 0.0, output_change: Array | None = None
    ) -> EditFreeRun:
        """Return the results of a run without edits."""
        return cls(
            before.passage,
            before.log_probability if before.models.predicts else 0.0,
            before.logits[0].copy() if before.models.labels else None,
            target_log_probability,
            output_change,
        )


def walk(models: WalkedModel, request: RunQuestion, unedited: Callable[[RunQuestion], Run]) -> Run:
    """Run the model on a text, and record its forward pass.

    Args:
        models: the model.
        request: the question.
        unedited: returns the run of a request without edits, the baseline of one with edits.

    Raises:
        TextError: there is nothing to read, or the text holds an invalid character.
        ConfigError: there is no such sentence, or an edit does not fit the model.
        ShapeError: an edit does not fit the text, or it is longer than the model can read.
    """
    config = models.config
    beginning = models.begin(request)
    request, ids = beginning.request, beginning.ids
    check_edits(request.edits, config, len(ids), models.tokenizer.vocab_size)
    ids = edited_source(request.edits, ids)
    _check_ids(request.target_ids or (), config.vocab_size)
    changes = changes_of(request.edits, config, models.weights)
    before = unedited(request.model_copy(update={"edits": ()})) if request.edits else None

    clock = [time.perf_counter()]
    completion = models.complete(ids, request, changes)
    passage = completion.passage
    lengths = [len(passage.target), len(before.target) if before else 0]
    unreached = check_queries(request.edits, lengths)
    clock.append(time.perf_counter())
    trace = models.trace(passage, changes)
    clock.append(time.perf_counter())
    rows, largest = _compare(models, passage, trace, completion.fast)
    clock.append(time.perf_counter())

    durations = [end - start for start, end in itertools.pairwise(clock)]
    seconds = dict(zip(("translate", "trace", "check"), durations, strict=True))
    baseline = _baseline(models, before, passage, rows, trace, changes) if before else None
    return Run(
        request, models, beginning.pieces, beginning.read, changes, passage, trace, rows, largest,
        tuple(unreached), baseline, seconds,
    )  # fmt: skip


def _check_ids(ids: tuple[int, ...], vocab_size: int) -> None:
    """Raise ConfigError if a target has a token that the model does not know."""
    for token in ids:
        if token >= vocab_size:
            raise ConfigError(
                f"run: target_ids holds the token id {token}; those of this model lie between 0 "
                f"and {vocab_size - 1}."
            )


def _compare(
    models: WalkedModel, passage: Passage, trace: Trace | BoundedTrace, fast: FastRows
) -> tuple[tuple[Prediction, ...], float]:
    """Return the model's predictions, and the fast engine's largest deviation from them."""
    if not models.predicts:
        output = trace["encoder.output"].value[0]
        return (), float(np.abs(fast(slice(None)) - output).max())
    logits = trace["logits"].value
    whole = slice(0, logits.shape[2])

    def rows(window: slice) -> Array:
        row: Array = logits[slice(0, 1), window, whole][0]
        return row

    vocab_size, width = len(models.labels) or models.tokenizer.vocab_size, logits.shape[2]
    return predictions(rows, width, passage.predicted, vocab_size, fast)


def _baseline(
    models: WalkedModel,
    before: Run,
    passage: Passage,
    rows: tuple[Prediction, ...],
    trace: Trace | BoundedTrace,
    changes: Changes,
) -> EditFreeRun:
    """Return the unedited run's results, with the probability of its target under the edits."""
    if not models.predicts:
        plain = before.trace["encoder.output"].value[0]
        distance = np.linalg.norm(trace["encoder.output"].value[0] - plain, axis=-1)
        return EditFreeRun.of(before, output_change=distance / np.linalg.norm(plain, axis=-1))
    if (before.target, before.predicted) == (passage.target, passage.predicted):
        values = np.array([one.log_probability for one in rows])
        log_probability = float(values[list(before.passage.scored_positions)].sum())
    else:
        # The unedited run's words, after the edited text.
        source = passage.source if before.source else ()
        same = Passage(source, _with_prompt(passage, before.passage), before.predicted, (), "")
        log_probability = _log_probability(models, same, before, changes)
    return EditFreeRun.of(before, target_log_probability=log_probability)


def _with_prompt(passage: Passage, before: Passage) -> tuple[int, ...]:
    """Return the target without edits, after a prompt whose tokens may have been edited."""
    if passage.source or before.target_ids is None:
        return before.target
    return (*passage.target[: before.prompt], *before.target_ids)


def _log_probability(models: WalkedModel, passage: Passage, before: Run, changes: Changes) -> float:
    """Return the log-probability of a run's words under edits, at the positions that count."""
    editor = Editor(changes)
    hidden = models.hidden(passage, editor)
    places = list(before.passage.scored_positions)
    some, total = max(1, NUMBERS // models.config.vocab_size), 0.0
    for start in range(0, len(places), some):
        part = places[start : start + some]
        rows = log_softmax(models.reference.logits(hidden[:, part], trace=editor)[0])
        total += float(rows[np.arange(len(part)), [before.predicted[at] for at in part]].sum())
    return total
