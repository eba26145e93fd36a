"""Answers to the exercises of lesson 5, with numbers in place of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check

GENERATOR = np.random.default_rng(0)
ROWS = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
TABLES = [table / table.sum(axis=-1, keepdims=True) for table in GENERATOR.random((3, 4, 4))]
TOWARDS = {(0, 0): 0.1, (0, 1): 0.3, (1, 0): 0.9, (1, 1): 0.2}
EXTRA = {
    "5.2": {"rows": ROWS},
    "5.3": {"towards_next": lambda i, j: TOWARDS[i, j], "layers": 2, "heads": 2},
    "5.4": {"shares": TABLES[0]},
    "5.5": {"tables": TABLES},
    "5.6": {"changes": (True, False)},
}


def entropy(weights):
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    return -(weights * logarithms).sum(axis=-1)


def rollout(tables, place):
    shares = np.eye(len(tables[0]))[place]
    for table in tables[::-1]:
        shares = shares / 2 + shares @ table / 2
    return shares


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("5.1", np.log(2)),
        ("5.2", entropy),
        ("5.3", (1, 0)),
        ("5.4", 1),
        ("5.5", rollout),
        ("5.6", (True, False)),
    ],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True, **EXTRA.get(number, {}))


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("5.1", 1, "in bits"),
        ("5.1", -np.log(2), "not negative"),
        ("5.2", lambda w: -(w * np.log(w)).sum(axis=-1), "exactly 0"),
        ("5.2", lambda w: entropy(w).sum(), "each row"),
        ("5.2", lambda w: -entropy(w), "right is 1.02965"),
        ("5.3", (0, 1), "gives 0.30"),
        ("5.3", (1, 2), "heads 0 to 1"),
        ("5.4", 4, "divided by their number"),
        ("5.5", lambda tables, place: rollout(tables[::-1], place), "begin at the last"),
        ("5.5", lambda tables, place: 2 * rollout(tables, place), "sum to 2.000"),
        ("5.6", (True, True), "Of GPT-2"),
        ("5.6", (1, 0), "True and False"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True, **EXTRA.get(number, {}))
