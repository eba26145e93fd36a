"""Answers to the exercises of lesson 4, three of which are about what the notebook measured."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check

NAMES = {0: "zéro", 1: "un", 21: "vingt et un"}
SCORES = {"right": np.linspace(-3, -1, 500), "foreign": np.array([-6.0, -5.0])}


class Letters:
    """A tokenizer of letters."""

    def encode(self, text):
        return [ord(letter) for letter in text]

    def decode(self, ids):
        return "".join(map(chr, ids))


TRANSLATOR = SimpleNamespace(
    tokenizer=Letters(),
    translate=lambda text, beam_size: SimpleNamespace(text=text.upper()),
)


def french(number):
    return NAMES.get(number, "six" if number % 2 == 0 else "trois")


def upper(ids):
    return [ord(chr(i).upper()) for i in ids]


def shift(ids):
    return [1, *ids], [*ids, 2]


EXTRA = {
    "4.3": {"translator": TRANSLATOR, "texts": ["one", "two"]},
    "4.4": SCORES,
    "4.5": {"french": french},
}


@pytest.mark.parametrize(
    ("number", "answer"),
    [("4.1", shift), ("4.2", np.log(400)), ("4.3", upper), ("4.4", -3.5), ("4.5", "et un")],
)
def test_a_right_answer(number, answer):
    check(number, answer, strict=True, **EXTRA.get(number, {}))


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("4.1", lambda ids: shift(ids)[::-1], "wrong way round"),
        ("4.1", lambda ids: ([1, *ids, 2], [*ids, 2]), "end token is never read"),
        ("4.1", lambda ids: ([1, *ids], [1, *ids, 2]), "start token is never said"),
        ("4.1", lambda ids: ([1, *ids], ids), "4 and 3 ids"),
        ("4.1", lambda ids: (ids, ids), "yours are"),
        ("4.1", lambda ids: [1, *ids], "two lists"),
        ("4.2", np.log2(400), "in bits"),
        ("4.2", -np.log(400), "minus"),
        ("4.3", lambda ids: ids, "it writes 'one'; greedy search of the library 'ONE'"),
        ("4.3", lambda ids: [*upper(ids), 2], "leave it out"),
        ("4.4", -5.5, "1 of the foreign texts"),
        ("4.4", -1.5, "of the right translations fall below"),
        ("4.5", "six", "even number 2 ends in it"),
        ("4.5", "mille", "No number"),
        ("4.5", "", "Every number"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words):
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True, **EXTRA.get(number, {}))
