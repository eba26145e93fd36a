"""Each processor does to scores what the one of transformers does, on random rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers.generation import logits_process as theirs

from clearhead.generation.processors import Prefixes, processors_of, renormalize
from clearhead.generation.settings import GenerationSettings

VOCABULARY, ENDS = 23, [2, 5]


def rows_of(seed: int, start_length: int, new: int, limit: int) -> tuple[np.ndarray, Prefixes]:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, VOCABULARY // 2, (3, start_length + new))
    return ids, Prefixes(
        np.full(3, start_length), np.full(3, limit), new, lambda r: ids[r].tolist()
    )


CASES = [
    ({"repetition_penalty": 1.7}, lambda start: theirs.RepetitionPenaltyLogitsProcessor(1.7)),
    *[
        ({"no_repeat_ngram_size": size}, lambda _, n=size: theirs.NoRepeatNGramLogitsProcessor(n))
        for size in (1, 2, 3)
    ],
    (
        {"bad_words_ids": [[4], [2], [3, 6], [1, 2, 7], [9, 9, 9, 9]], "eos_token_id": ENDS},
        lambda start: theirs.NoBadWordsLogitsProcessor(
            [[4], [2], [3, 6], [1, 2, 7], [9, 9, 9, 9]], torch.tensor(ENDS)
        ),
    ),
    (
        {"min_length": 6, "eos_token_id": ENDS},
        lambda start: theirs.MinLengthLogitsProcessor(6, torch.tensor(ENDS)),
    ),
    (
        {"min_new_tokens": 3, "eos_token_id": ENDS},
        lambda start: theirs.MinNewTokensLengthLogitsProcessor(start, 3, torch.tensor(ENDS)),
    ),
    ({"forced_bos_token_id": 7}, lambda start: theirs.ForcedBOSTokenLogitsProcessor(7)),
    (
        {"forced_eos_token_id": ENDS},
        lambda start: theirs.ForcedEOSTokenLogitsProcessor(8, torch.tensor(ENDS)),
    ),
    ({"remove_invalid_values": True}, lambda start: theirs.InfNanRemoveLogitsProcessor()),
    ({"suppress_tokens": [3, 4]}, lambda start: theirs.SuppressTokensLogitsProcessor([3, 4])),
    (
        {"begin_suppress_tokens": [3, 4]},
        lambda start: theirs.SuppressTokensAtBeginLogitsProcessor([3, 4], start),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "make"), CASES, ids=lambda case: str(case)[:40] if isinstance(case, dict) else ""
)
@pytest.mark.parametrize("start_length", [1, 4])
@pytest.mark.parametrize("new", [0, 2, 3, 6])
def test_processors(settings, make, start_length, new):
    ids, prefixes = rows_of(new, start_length, new, limit=8)
    scores = np.random.default_rng(1).normal(size=(3, VOCABULARY)).astype(np.float32)
    scores[0, :3] = -np.inf, np.nan, np.inf
    expected = make(start_length)(torch.from_numpy(ids), torch.from_numpy(scores.copy())).numpy()
    (process,) = processors_of(GenerationSettings.of(**settings))
    process(scores, prefixes)
    np.testing.assert_array_equal(scores, expected)


def test_a_forced_first_token_postpones_what_is_suppressed_at_the_beginning():
    settings = GenerationSettings.of(forced_bos_token_id=1, begin_suppress_tokens=[3])
    process = processors_of(settings)[-1]
    for start_length, first in ((1, 1), (2, 0)):
        for new in range(3):
            _, prefixes = rows_of(0, start_length, new, 9)
            scores = np.zeros((3, VOCABULARY), np.float32)
            process(scores, prefixes)
            assert (scores[:, 3] == (-math.inf if new == first else 0)).all()


def test_they_come_in_the_order_of_transformers():
    """A forced end is penalized no more, and is suppressed where both are set."""
    settings = GenerationSettings.of(
        forced_eos_token_id=2, suppress_tokens=[2], repetition_penalty=2.0, eos_token_id=2
    )
    _, prefixes = rows_of(0, 3, 4, limit=8)
    scores = np.ones((3, VOCABULARY), np.float32)
    for process in processors_of(settings):
        process(scores, prefixes)
    assert (scores == -np.inf).all()


def test_settings_without_effect_cost_nothing():
    assert processors_of(GenerationSettings(eos_token_id=(2,))) == []


def test_renormalized_scores_are_log_probabilities():
    scores = np.random.default_rng(0).normal(size=(2, 9)).astype(np.float32)
    renormalize(scores, rows_of(0, 1, 0, 5)[1])
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-6)
