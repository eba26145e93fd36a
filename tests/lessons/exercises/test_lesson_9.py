"""Answers to the exercises of lesson 9, with prices in place of a model."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check

PRICES = {(0, 0): 0.1, (0, 1): 0.3, (1, 0): 0.2, (1, 1): 0.0}
EXTRA = {
    "9.1": {"predicting": np.array([0.9, 0.2]), "reading": np.array([0.3, 0.1])},
    "9.5": {"price": lambda places, part: PRICES[places[0]], "layers": 2, "heads": 2},
}


def mean_ablation(output, head):
    output = output.copy()
    output[:, head] = output[:, head].mean(axis=-2, keepdims=True)
    return output


def in_place(output, head):
    output[:, head] = output[:, head].mean(axis=-2, keepdims=True)
    return output


def all_heads(output, head):
    return np.broadcast_to(output.mean(axis=-2, keepdims=True), output.shape)


def zeros(output, head):
    output = output.copy()
    output[:, head] = 0
    return output


def one_number(output, head):
    output = output.copy()
    output[:, head] = output[:, head].mean()
    return output


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("9.1", "predicting"),
        ("9.2", 0.6),
        ("9.3", 0.5),
        ("9.4", mean_ablation),
        ("9.5", (0, 1)),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True, **EXTRA.get(number, {}))


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("9.1", "reading", "finds 30%"),
        ("9.2", 1.1, "all that is lost"),
        ("9.3", 50, "per cent"),
        ("9.3", -1, "How far"),
        ("9.4", in_place, "writes over"),
        ("9.4", all_heads, "Other heads"),
        ("9.4", zeros, "It says zero"),
        ("9.4", one_number, "each of the head's columns"),
        ("9.5", (1, 0), "0.200 nats; another costs more"),
        ("9.5", (2, 0), "layers 0 to 1"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True, **EXTRA.get(number, {}))
