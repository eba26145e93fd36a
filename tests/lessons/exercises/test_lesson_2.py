"""Answers to the exercises of lesson 2."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check
from clearhead.reference import causal_mask

FAR = np.array([[0.0, 1.0], [1000.0, 1001.0]])
TRIANGLE = np.tri(2, 5, dtype=bool)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("2.1", (-16, 16)),
        ("2.2", 0.0),
        ("2.3", FAR),
        ("2.4", causal_mask),
        ("2.4", lambda n: np.tri(n, dtype=bool)),
        ("2.5", np.zeros(6)),
        ("2.6", np.ones((2, 5), dtype=bool)),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True)


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("2.1", (-2, 2), r"About 19.7% .* bounds of \*scaled\* scores"),
        ("2.1", (16, -16), "lower bound comes first"),
        ("2.2", 7, "Yours is 7"),
        ("2.3", FAR / 10, "when one of them is zero"),
        ("2.3", FAR[:1], "two rows"),
        ("2.3", [[np.nan, 1], [1, 1]], "Finite scores"),
        ("2.4", lambda n: ~causal_mask(n) if n > 1 else causal_mask(n), "wrong way round"),
        ("2.4", lambda n: causal_mask(n).T, "transposed"),
        ("2.4", lambda n: np.tri(n, k=-1, dtype=bool), "its own place"),
        ("2.4", lambda n: np.tri(n), "made of float64"),
        ("2.4", lambda n: np.tri(5, dtype=bool), "For 1 tokens its shape should be"),
        ("2.5", [np.nan] * 6, "spoils every sum"),
        ("2.5", [1] * 6, "Ask it"),
        ("2.6", TRIANGLE, "causal mask"),
        ("2.6", np.ones((2, 5)), "True and False"),
        ("2.6", ~TRIANGLE, "query 1 not see word 1"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True)
