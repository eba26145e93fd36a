"""One sentence walked: its translation, its forward pass in float64, and what is read from it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...config import TransformerConfig
from ...reference.softmax import log_softmax
from ...reference.tracing.trace import Trace
from ...reference.transformer import Transformer
from ...shapes import Array
from ...translation.checkpoint import Checkpoint
from ...translation.sentences.segments import Piece
from ...translation.translation import Translation
from ...translation.walkthrough import Walkthrough, encode_source, translate_source
from ..contract.base_edit import Changes
from ..contract.edits import changes_of, check_edits, check_queries, edited_source
from ..contract.questions import RunQuestion
from ..contract.run_answers import ProtectedNote
from .edited_engine import Editor, replacements
from .models import Models
from .sentences import protected_note, sentence_number, split_into_pieces


@dataclass(frozen=True, eq=False)
class Run:
    """A translation and its forward pass, with every step but the contributions.

    Attributes:
        request: what was asked, normalised.
        models: the model, fast and exact.
        pieces: of the text, of which number ``request.sentence`` is walked.
        changes: what the edits do to steps.
        walkthrough: the (edited) source and its translation, as the model reads them.
        trace: float64, batch of 1: all steps but attention's ``contributions``. Edited steps
            say ``replaced``.
        largest_difference: of a log-probability, between the fast engine and the reference.
        unreached: numbers of the edits that meet no query, the translation being too short.
        baseline: the run without edits, and the log-probability of its translation in this one.
        seconds: that each part took.
    """

    request: RunQuestion
    models: Models
    pieces: tuple[Piece, ...]
    changes: Changes
    walkthrough: Walkthrough
    trace: Trace
    largest_difference: float
    unreached: tuple[int, ...]
    baseline: EditFreeRun | None
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
    def source(self) -> tuple[int, ...]:
        """Token ids of the (edited) source, its end token included."""
        return self.walkthrough.source

    @property
    def target(self) -> tuple[int, ...]:
        """Token ids that the decoder reads, the start token first."""
        return self.walkthrough.target

    @property
    def predicted(self) -> tuple[int, ...]:
        """What follows each of the decoder's tokens, the end token last."""
        return self.walkthrough.predicted

    @property
    def translation(self) -> str:
        """The text of the target."""
        return self.walkthrough.translation.strip()

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
        read = self.walkthrough.read
        return protected_note(self.models.translator, read, self.translation, beam_size)

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
class EditFreeRun:
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
    pieces = split_into_pieces(models.translator, request.text)
    sentence = sentence_number(pieces, request.sentence)
    request = request.model_copy(update={"sentence": sentence})
    read, source = encode_source(pieces[sentence].text, tokenizer, config.end_id)
    check_edits(request.edits, config, len(source), tokenizer.vocab_size)
    source = edited_source(request.edits, source)
    changes = changes_of(request.edits, config)
    before = unedited(request.model_copy(update={"edits": ()})) if request.edits else None

    clock = [time.perf_counter()]
    engine = models.fast_with(changes)
    target = translate_source(
        source, engine, models.special, models.search_settings(request.beam_size),
        tokenizer=tokenizer, target=request.target,
    )  # fmt: skip
    walkthrough = Walkthrough(models.reference, tokenizer, source, target, read)
    lengths = [len(target), len(before.target) if before else 0]
    unreached = check_queries(request.edits, lengths)
    clock.append(time.perf_counter())
    trace = walkthrough.trace(replace=replacements(changes))
    log_probabilities = log_softmax(trace["logits"].value[0])
    clock.append(time.perf_counter())
    largest = float(np.abs(walkthrough.token_by_token(engine) - log_probabilities).max())
    clock.append(time.perf_counter())

    durations = [end - start for start, end in itertools.pairwise(clock)]
    seconds = dict(zip(("translate", "trace", "check"), durations, strict=True))
    baseline = (
        _baseline(models, before, source, target, changes, log_probabilities) if before else None
    )
    return Run(
        request, models, tuple(pieces), changes, walkthrough, trace, largest,
        tuple(unreached), baseline, seconds,
    )  # fmt: skip


def _baseline(
    models: Models,
    before: Run,
    source: Sequence[int],
    target: Sequence[int],
    changes: Changes,
    log_probabilities: Array,
) -> EditFreeRun:
    """Return the unedited run, and how likely the edited model makes its translation."""
    if before.target != target:
        logits = models.reference.forward(
            np.array([source]), np.array([before.target]), trace=Editor(changes)
        )
        log_probabilities = log_softmax(logits[0])
    return EditFreeRun(
        before.translation,
        before.predicted,
        float(before.log_probabilities.sum()),
        float(_of_predicted(log_probabilities, before.predicted).sum()),
    )


def _of_predicted(log_probabilities: Array, predicted: Sequence[int]) -> Array:
    return log_probabilities[np.arange(len(predicted)), list(predicted)]
