"""Answers to the exercises of lesson 6."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check

RIGHT = 2 * 8 * 2048 * 2048 * 64


def streamed(pairs):
    largest, total, mixture = -math.inf, 0.0, 0.0
    for score, value in pairs:
        bound = max(largest, score)
        shrink, weight = np.exp(largest - bound), np.exp(score - bound)
        total, mixture = total * shrink + weight, mixture * shrink + weight * value
        largest = bound
    return mixture / total


def plain(pairs):
    pairs = list(pairs)
    weights = np.array([np.exp(score) for score, _ in pairs])
    return weights / weights.sum() @ np.array([value for _, value in pairs])


def step(query, key, value, state):
    keys, values = (
        (key[None], value[None])
        if state is None
        else (np.vstack([state[0], key]), np.vstack([state[1], value]))
    )
    weights = np.exp(keys @ query / np.sqrt(len(query)))
    return weights / weights.sum() @ values, (keys, values)


@pytest.mark.parametrize(
    ("number", "answer"),
    [("6.1", 5), ("6.2", RIGHT), ("6.3", streamed), ("6.4", 2049 / 4096), ("6.5", step)],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True)


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("6.1", 2.5, "operations a byte"),
        ("6.1", 4, "less than needed"),
        ("6.1", 6, "more than needed"),
        ("6.2", RIGHT // 2, "count as two"),
        ("6.2", RIGHT // 8, "of one head"),
        ("6.2", 2 * RIGHT, "product with V"),
        ("6.2", 7, "How many scores"),
        ("6.3", plain, "largest score so far"),
        ("6.3", lambda pairs: next(pairs)[1], "For scores"),
        ("6.4", 0.45, "Count the diagonal"),
        ("6.5", lambda q, k, v, state: step(q, k, v, None), "at step 1"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True)
