"""Answers to the exercises of lesson 8."""

from __future__ import annotations

import math
from types import SimpleNamespace

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


class Parrot:
    """A model that says the last word of the sentence before."""

    def generate(self, prompt, max_new_tokens):
        return SimpleNamespace(text=" " + prompt.split(".")[0].split()[-1])


EXTRA = {
    "8.2": {"changes": np.array([0.0, 0.0, 0.5, 0.25])},
    "8.5": {"gpt": Parrot()},
}


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("8.1", math.log(12 * 3 * 12 * 30)),
        ("8.2", 2),
        ("8.3", step),
        ("8.4", nucleus),
        ("8.5", "Eve gave Max a harp. Max thanked Eve for the"),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True, **EXTRA.get(number, {}))


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("8.1", math.log(12 * 3 * 11 * 30), "give to now"),
        ("8.1", math.log(12 * 3 * 12 * 12), "30 things"),
        ("8.1", math.log(12 * 12 * 30), "one of three"),
        ("8.1", math.log2(12 * 3 * 12 * 30), "in bits"),
        ("8.1", 12 * 3 * 12 * 30, "nats are the logarithm"),
        ("8.1", 12, "take the logarithm"),
        ("8.2", 0, "seen the future"),
        ("8.2", 3, "earlier one changes"),
        ("8.3", forgetful, "at step 1"),
        ("8.3", lambda q, k, v, past: v, "two things"),
        ("8.3", lambda q, k, v, past: (q, past), "reads itself alone"),
        ("8.4", lambda p, share: np.where(p > 1 - share, p, 0), "nothing is left|sum to"),
        ("8.4", lambda p, share: p, "Yours is 0"),
        ("8.5", "Ann gave Max a harp. Max thanked Ann for the", "called Ann"),
        ("8.5", "Eve gave Max a harp. Max thanked Eve for the harp.", "one full stop"),
        ("8.5", "Eve gave Max a", "one full stop"),
        ("8.5", "Eve gave Max a drum. Max thanked Eve for the", "the model says ' drum'"),
        ("8.5", 2, "text in quotation marks"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True, **EXTRA.get(number, {}))


def test_the_nucleus_is_the_lessons():
    probabilities = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    assert np.allclose(nucleus(probabilities, 0.6), [0, 4 / 7, 0, 3 / 7, 0])
    assert np.allclose(nucleus(probabilities, 0.3), [0, 1, 0, 0, 0])
