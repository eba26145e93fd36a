"""Tokens that may not come next have a log-probability of minus infinity, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.search.constraints import forbid_repeats, forbid_tokens, only_token


def uniform(rows: int, vocab: int) -> np.ndarray:
    return np.full((rows, vocab), -1.0)


def test_forbidden_tokens_follow_in_no_row():
    log_probs = uniform(2, 5)
    forbid_tokens(log_probs, [0, 3])
    assert log_probs.tolist() == [[-np.inf, -1, -1, -np.inf, -1]] * 2


def test_an_only_token_keeps_its_own_probability():
    log_probs = np.arange(12.0).reshape(3, 4)
    only_token(log_probs, np.array([0, 2]), np.array([1, 3]))
    assert log_probs.tolist() == [
        [-np.inf, 1, -np.inf, -np.inf],
        [4, 5, 6, 7],
        [-np.inf, -np.inf, -np.inf, 11],
    ]
    only_token(log_probs, np.array([1]), 0)
    assert log_probs[1].tolist() == [4, -np.inf, -np.inf, -np.inf]


@pytest.mark.parametrize(
    ("prefix", "size", "banned"),
    [
        ([1, 2, 3, 1, 2], 3, [3]),
        ([1, 2, 3, 1, 2], 2, [3]),
        ([1, 2, 1, 3, 1], 2, [2, 3]),
        ([1, 2], 1, [1, 2]),
        ([1, 2, 3, 1, 2], 4, []),
        ([1], 3, []),
        ([], 1, []),
        ([1, 1], 0, []),
    ],
)
def test_an_ngram_that_was_written_is_not_written_again(prefix, size, banned):
    log_probs = uniform(2, 5)
    forbid_repeats(log_probs, 1, prefix, size)
    assert np.flatnonzero(np.isneginf(log_probs[1])).tolist() == banned
    assert np.isfinite(log_probs[0]).all()


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4), st.integers(0, 3))
def test_what_is_banned_is_what_would_repeat_an_ngram(prefix, size, token):
    log_probs = uniform(1, 4)
    forbid_repeats(log_probs, 0, prefix, size)
    longer = [*prefix, token]
    ngrams = [tuple(longer[start : start + size]) for start in range(len(longer) - size + 1)]
    repeats = bool(ngrams) and ngrams[-1] in ngrams[:-1]
    assert np.isneginf(log_probs[0, token]) == repeats
