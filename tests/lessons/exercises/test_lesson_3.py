"""Answers to the exercises of lesson 3."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("3.1", 9600),
        ("3.2", lambda heads: np.hstack(list(heads))),
        ("3.3", {8, 16}),
        ("3.4", np.sqrt(32)),
        ("3.4", 5.66),
        ("3.5", "decoder self-attention"),
        ("3.6", "decoder.layers.0.cross_attention.weights"),
        ("3.7", 2_048_000),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True)


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("3.1", 150, "number of steps"),
        ("3.1", 64, "examples in one step"),
        ("3.2", lambda heads: heads.reshape(heads.shape[1], -1), "mixes the tokens up"),
        ("3.2", lambda heads: np.vstack(list(heads)), "below one another"),
        ("3.3", {8, 12}, "21.33 columns wide"),
        ("3.3", 8, "there is one more"),
        ("3.3", {64}, "Choose among"),
        ("3.4", 32, "square of the length"),
        ("3.5", "cross-attention", "words of the source"),
        ("3.5", "decoder", "Choose one of"),
        ("3.6", "decoder.layers.1.cross_attention.weights", "second layer"),
        ("3.6", "decoder.layers.0.self_attention.weights", "its own words"),
        ("3.6", "encoder.layers.0.self_attention.weights", "of the encoder"),
        ("3.6", "decoder.layers.0.cross_attention.output", "step that holds weights"),
        ("3.6", "cross", "no step of this name"),
        ("3.7", 8000, "one side of the table"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True)
