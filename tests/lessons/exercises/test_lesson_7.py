"""Answers to the exercises of lesson 7."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check


def softmax_back(d_weights, weights):
    return weights * (d_weights - (weights * d_weights).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("7.1", [-0.135, 0.133, 0.001]),
        ("7.2", [-0.5, 0.75, -0.25]),
        ("7.3", softmax_back),
        ("7.4", 3),
        ("7.5", [0.49, 0.49998]),
        ("7.6", 0),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True)


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("7.1", [-0.989, 0.979, 0.010], "p - y itself"),
        ("7.1", [0.135, -0.133, -0.001], "sign is turned"),
        ("7.1", [0.0015, 0.133, -0.135], "for word 3"),
        ("7.2", [-1, 3, -1], "one factor is missing"),
        ("7.2", [-2 / 3, 2 / 3, -1 / 3], "weighted by the weights"),
        ("7.2", [1, 1, 1], "Yours sums to 3"),
        ("7.3", lambda d, w: w * (d - (w * d).sum()), r"shape \(2, 4\)"),
        ("7.3", lambda d, w: w * (d - (w * d).sum(axis=-1)), "ValueError.*line"),
        ("7.4", 9, "how many losses"),
        ("7.5", [0.49998, 0.49], "AdamW first"),
        ("7.5", [0.51, 0.50002], "Against the gradient"),
        ("7.6", 0.1, "masked key"),
        ("7.6", np.nan, "NaN"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True)
