"""Answers to the exercises of lesson 8."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check
from clearhead.lessons.exercises.lesson_8 import nucleus


def step(q, k, v, past):
    keys, values = (k[None], v[None]) if past is None else (
        np.vstack([past[0], k]), np.vstack([past[1], v]))  # fmt: skip
    scores = keys @ q / math.sqrt(len(q))
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ values, (keys, values)


def forgetful(q, k, v, past):
    return step(q, k, v, None)


HALF = math.log(10 * 9 * 8 * 7)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("8.1", 2 * HALF + math.log(24)),
        ("8.2", 7),
        ("8.3", step),
        ("8.4", nucleus),
        ("8.5", 2),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True)


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("8.1", 2 * HALF, "order of the second half"),
        ("8.1", HALF + math.log(24), r"Names \*and\* things"),
        ("8.1", 12, "take the logarithm"),
        ("8.2", 0, "seen the future"),
        ("8.2", 8, "earlier one changes"),
        ("8.3", forgetful, "at step 1"),
        ("8.3", lambda q, k, v, past: v, "two things"),
        ("8.3", lambda q, k, v, past: (q, past), "reads itself alone"),
        ("8.4", lambda p, share: np.where(p > 1 - share, p, 0), "nothing is left|sum to"),
        ("8.4", lambda p, share: p, "Yours is 0"),
        ("8.5", 1, "a third of them"),
        ("8.5", 3, "1 or 2"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True)


def test_the_nucleus_is_the_lessons():
    probabilities = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    assert np.allclose(nucleus(probabilities, 0.6), [0, 4 / 7, 0, 3 / 7, 0])
    assert np.allclose(nucleus(probabilities, 0.3), [0, 1, 0, 0, 0])
