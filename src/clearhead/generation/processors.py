"""The effects of settings on the scores of the next token, in the order of transformers.

Scores are logits in greedy search and sampling, and log-probabilities in a beam. Every processor
changes them in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..engine.protocols import BoolArray, FloatArray, IntArray
from ..search.constraints import forbid_repeats, forbid_tokens
from ..shapes import Array, Float
from .normalize import log_softmax_in_place
from .settings import GenerationSettings


@dataclass(frozen=True)
class Prefixes:
    """The running prefixes of one round, a row each.

    Attributes:
        start_lengths: tokens of each that were not generated, Int["rows"].
        limits: the most tokens that each may have, Int["rows"].
        new: tokens that have been generated, as many in each row.
        ids: returns the tokens of a row, from the first.
    """

    start_lengths: IntArray
    limits: IntArray
    new: int
    ids: Callable[[int], list[int]]

    @property
    def lengths(self) -> IntArray:
        """Tokens of each row."""
        return self.start_lengths + self.new


Processor = Callable[[Float[Array, "rows vocab"], Prefixes], None]


def processors_of(settings: GenerationSettings) -> list[Processor]:
    """Return the processors of these settings, in order; none for settings without effect."""
    possible: list[tuple[object, Callable[[GenerationSettings], Processor]]] = [
        (settings.repetition_penalty != 1.0, _repetition_penalty),
        (settings.no_repeat_ngram_size, _no_repeats),
        (settings.bad_words_ids, _bad_words),
        (settings.eos_token_id and (settings.min_length or settings.min_new_tokens), _least_length),
        (settings.forced_bos_token_id is not None, _forced_first),
        (settings.forced_eos_token_id, _forced_last),
        (settings.remove_invalid_values, _valid_values),
        (settings.suppress_tokens, _suppress),
        (settings.begin_suppress_tokens, _suppress_first),
    ]
    return [make(settings) for has_effect, make in possible if has_effect]


def renormalize(scores: Float[Array, "rows vocab"], prefixes: Prefixes) -> None:
    """Make scores log-probabilities: the last processor where ``renormalize_logits`` is set."""
    log_softmax_in_place(scores)


def _repetition_penalty(settings: GenerationSettings) -> Processor:
    penalty = np.float32(settings.repetition_penalty)

    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        for row, row_scores in enumerate(scores):
            tokens = np.unique(prefixes.ids(row))
            values = row_scores[tokens]
            row_scores[tokens] = np.where(values < 0, values * penalty, values / penalty)

    return process


def _no_repeats(settings: GenerationSettings) -> Processor:
    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        for row in range(len(scores)):
            forbid_repeats(scores, row, prefixes.ids(row), settings.no_repeat_ngram_size)

    return process


def _bad_words(settings: GenerationSettings) -> Processor:
    # An end token by itself is allowed whatever the list says, as in transformers.
    ends = settings.eos_token_id
    single = [words[0] for words in settings.bad_words_ids if len(words) == 1]
    single = [token for token in single if token not in ends]
    longer = [words for words in settings.bad_words_ids if len(words) > 1]

    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        forbid_tokens(scores, single)
        if not longer:
            return
        for row in range(len(scores)):
            ids = prefixes.ids(row)
            for *before, last in longer:
                if ids[-len(before) :] == before:
                    scores[row, last] = -np.inf

    return process


def _least_length(settings: GenerationSettings) -> Processor:
    ends = np.array(settings.eos_token_id)

    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        least = settings.min_length
        is_short = prefixes.lengths < least
        if settings.min_new_tokens is not None:
            is_short = np.full(len(scores), prefixes.new < settings.min_new_tokens)
        if is_short.any():
            # An end token without a logit can never come.
            scores[np.ix_(is_short, ends[ends < scores.shape[1]])] = -np.inf

    return process


def _forced_first(settings: GenerationSettings) -> Processor:
    token = settings.forced_bos_token_id
    assert token is not None

    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        # Only after a single token, the decoder's start: a longer beginning has its first token.
        _force(scores, prefixes.lengths == 1, np.array([token]))

    return process


def _forced_last(settings: GenerationSettings) -> Processor:
    ends = np.array(settings.forced_eos_token_id)

    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        _force(scores, prefixes.lengths == prefixes.limits - 1, ends)

    return process


def _force(scores: FloatArray, rows: BoolArray, tokens: IntArray) -> None:
    """Allow only these tokens in these rows, with a score of 0."""
    if rows.any():
        scores[rows] = -np.inf
        scores[np.ix_(rows, tokens)] = 0.0


def _valid_values(settings: GenerationSettings) -> Processor:
    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        largest = float(np.finfo(scores.dtype).max)
        scores[:] = np.nan_to_num(scores, nan=0.0, posinf=largest, neginf=-largest)

    return process


def _suppress(settings: GenerationSettings) -> Processor:
    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        forbid_tokens(scores, settings.suppress_tokens)

    return process


def _suppress_first(settings: GenerationSettings) -> Processor:
    tokens = np.array(settings.begin_suppress_tokens)
    is_forced = settings.forced_bos_token_id is not None

    def process(scores: FloatArray, prefixes: Prefixes) -> None:
        # The first token that is free: after a forced one, if there is one.
        first = np.where((prefixes.start_lengths > 1) | (not is_forced), 0, 1)
        rows = first == prefixes.new
        if rows.any():
            scores[np.ix_(rows, tokens)] = -np.inf

    return process
