"""One sentence walked: its translation, its forward pass in float64, and what is read from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...reference.softmax import log_softmax
from ...reference.tracing.trace import Trace
from ...reference.transformer import Transformer
from ...translation.checkpoint import Checkpoint
from ...translation.rules.reading import Reader
from ...translation.segments import Piece
from ...translation.translation import Translation
from ..contract.edits import Changes, changes_of, check_edits, check_queries, edited_source
from ..contract.questions import RunQuestion
from ..contract.run_answers import ProtectedNote
from .edited_engine import replacements
from .models import Models
from .sentences import pieces_of, protected_note, walked

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """A translation and its forward pass, with every step but the contributions.

    Attributes:
        request: what was asked, normalised.
        models: the model, fast and exact.
        pieces: of the text, of which number ``request.sentence`` is walked.
        changes: what the edits do to steps.
        trace: float64, batch of 1: all steps but attention's ``contributions``. Edited steps
            say ``replaced``.
        source: token ids of the (edited) source, its end token included.
        target: token ids that the decoder reads, the start token first.
        largest_difference: of a log-probability, between the fast engine and the reference.
        unreached: numbers of the edits that meet no query, the translation being too short.
        baseline: the run without edits, and the log-probability of its translation in this one.
        seconds: that each part took.
    """

    request: RunQuestion
    models: Models
    pieces: tuple[Piece, ...]
    changes: Changes
    trace: Trace
    source: tuple[int, ...]
    target: tuple[int, ...]
    largest_difference: float
    unreached: tuple[int, ...]
    baseline: Baseline | None
    seconds: dict[str, float]

    @property
    def config(self) -> TransformerConfig:
        """The shape of the model."""
        return self.models.config

    @property
    def checkpoint(self) -> Checkpoint:
        """Of the model; its weights are float32."""
        return self.models.checkpoint

    @property
    def reference(self) -> Transformer:
        """The model in float64, whose ``weights`` are those that the trace was computed with."""
        return self.models.reference

    @property
    def predicted(self) -> tuple[int, ...]:
        """What follows each of the decoder's tokens, the end token last."""
        return (*self.target[1:], self.config.end_id)

    @property
    def translation(self) -> str:
        """The text of the target."""
        return self.models.tokenizer.decode(self.target).strip()

    @cached_property
    def log_probabilities(self) -> Array:
        """Of each predicted token, Float["target_len"]."""
        return _of_predicted(log_softmax(self.trace["logits"].value[0]), self.predicted)

    @cached_property
    def protected(self) -> ProtectedNote | None:
        """What is to be said where translating protects parts of the sentence; else None."""
        if self.request.edits or self.request.target is not None:
            return None
        beam_size = self.request.beam_size
        return protected_note(self.models.translator, self.read, self.translation, beam_size)

    @cached_property
    def read(self) -> str:
        """The sentence as the model reads it."""
        sentence = self.pieces[self.request.sentence].text
        return Reader(self.models.tokenizer).read(sentence).text

    @cached_property
    def translations(self) -> dict[int, Translation]:
        """What the translator makes of each sentence, without edits, by the number of its piece."""
        places = [number for number, piece in enumerate(self.pieces) if piece.translate]
        sentences = [self.pieces[number].text for number in places]
        translations = self.models.translations(sentences, self.request.beam_size)
        return dict(zip(places, translations, strict=True))

    @cached_property
    def nbytes(self) -> int:
        """What the trace holds in memory."""
        return sum(step.value.nbytes for step in self.trace)


@dataclass(frozen=True, eq=False)
class Baseline:
    """What an edited run is compared with.

    Attributes:
        translation, predicted, log_probability: of the run without edits.
        target_log_probability: of that translation, under the edited model.
    """

    translation: str
    predicted: tuple[int, ...]
    log_probability: float
    target_log_probability: float


def walk(models: Models, request: RunQuestion, unedited: Callable[[RunQuestion], Run]) -> Run:
    """Translate one sentence and record its forward pass.

    Args:
        models: the model.
        request: what is asked.
        unedited: gives the run of a request without edits, for the baseline of one with edits.

    Raises:
        TextError: there is nothing to translate, or the text holds what is no character.
        ConfigError: there is no such sentence, or an edit does not fit the model.
        ShapeError: an edit does not fit the sentence, or the target is longer than the model
            can read.
    """
    config, tokenizer = models.config, models.tokenizer
    pieces = pieces_of(models.translator, request.text)
    request = request.model_copy(update={"sentence": walked(pieces, request.sentence)})
    sentence = pieces[request.sentence].text
    source = (*tokenizer.encode(Reader(tokenizer).read(sentence).text), config.end_id)
    check_edits(request.edits, config, len(source), tokenizer.vocab_size)
    source = edited_source(request.edits, source)
    changes = changes_of(request.edits, config)
    before = unedited(request.model_copy(update={"edits": ()})) if request.edits else None

    begun = time.perf_counter()
    target = _target(models, request, source, changes)
    lengths = [len(target), len(before.target) if before else 0]
    unreached = check_queries(request.edits, lengths)
    translated = time.perf_counter()
    trace = Trace(replace=replacements(changes))
    logits = models.reference.forward(np.array([source]), np.array([target]), trace=trace)[0]
    expected = log_softmax(logits)
    traced = time.perf_counter()
    cached = _token_by_token(models.fast_with(changes), source, target)
    largest = float(np.abs(cached - expected).max())
    checked = time.perf_counter()
    seconds = {
        "translate": translated - begun,
        "trace": traced - translated,
        "check": checked - traced,
    }
    baseline = _baseline(models, before, source, target, changes, expected) if before else None
    return Run(
        request, models, tuple(pieces), changes, trace, source, target, largest,
        tuple(unreached), baseline, seconds,
    )  # fmt: skip


def _target(
    models: Models, request: RunQuestion, source: tuple[int, ...], changes: Changes
) -> tuple[int, ...]:
    """The start token, and the translation that was given or is found."""
    if request.target is not None:
        return (models.config.start_id, *models.tokenizer.encode(request.target))
    best = models.search(models.fast_with(changes), source, request.beam_size)[0]
    return (models.config.start_id, *best.tokens)


def _token_by_token(fast: Transformer, source: Sequence[int], target: Sequence[int]) -> Array:
    """Log-probabilities as a translation is made, with the cache: Float["target_len vocab"]."""
    decoding = fast.begin([source])
    first = np.zeros(1, np.int64)
    return np.concatenate([decoding.advance(np.array([token]), first) for token in target])


def _baseline(
    models: Models,
    before: Run,
    source: Sequence[int],
    target: Sequence[int],
    changes: Changes,
    expected: Array,
) -> Baseline:
    """The unedited run, and how likely the edited model (and source) makes its translation."""
    if before.target != target:
        model = models.reference_with(changes)
        expected = model.log_probabilities(np.array([source]), np.array([before.target]))[0]
    return Baseline(
        before.translation,
        before.predicted,
        float(before.log_probabilities.sum()),
        float(_of_predicted(expected, before.predicted).sum()),
    )


def _of_predicted(log_probabilities: Array, predicted: Sequence[int]) -> Array:
    return log_probabilities[np.arange(len(predicted)), list(predicted)]
