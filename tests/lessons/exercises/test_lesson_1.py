"""Answers to the exercises of lesson 1: right ones, and wrong ones with what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check
from clearhead.lessons.exercises.lesson_1 import KEY, QUERY, VALUE, W_KEY
from clearhead.reference import attention, softmax


def key_with(place: tuple[int, int], value: int) -> np.ndarray:
    matrix = W_KEY.copy()
    matrix[place] = value
    return matrix


def without_keepdims(query, key, value):
    exponentials = np.exp(query @ key.T / np.sqrt(key.shape[1]))
    weights = exponentials / exponentials.sum(axis=-1)
    return weights @ value, weights


def unscaled(query, key, value):
    weights = softmax(query @ key.T)
    return weights @ value, weights


def failing(query, key, value):
    return query @ key[:2], value


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.1", key_with((0, 0), 1)),
        ("1.2", 10),
        ("1.3", [2, 8, 0]),
        ("1.3", VALUE[1]),
        ("1.4", (1, 2)),
        ("1.4", (-2, -1)),
        ("1.5", attention),
    ],
)
def test_a_right_answer(number, answer, capsys):
    check(number, answer, strict=True)
    assert capsys.readouterr().out.startswith(f"Exercise {number}: right. ")


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("1.1", W_KEY, "W_key as it was"),
        ("1.1", W_KEY + 1, "12 have"),
        ("1.1", W_KEY[:2], r"should be \(4, 3\); yours is \(2, 3\)"),
        ("1.2", np.sqrt(3), "closer to a third"),
        ("1.2", 7, "Choose one of"),
        ("1.3", KEY[1], "That is key 2"),
        ("1.3", QUERY[1], "That is query 2"),
        ("1.3", [2, 8, 1], r"Yours is 1 at \[2\], counted from 0"),
        ("1.3", "eight", "Numbers are asked for"),
        ("1.4", (2, 1), "comes first"),
        ("1.4", (2, 3), "counts from 0"),
        ("1.4", (0, 0), "row 1"),
        ("1.5", attention(QUERY, KEY, VALUE), "The function itself"),
        ("1.5", lambda query, key, value: attention(query, key, value)[0], "two things"),
        ("1.5", lambda query, key, value: attention(query, key, value)[::-1], "weights first"),
        ("1.5", without_keepdims, "do not sum to one.*keepdims"),
        ("1.5", unscaled, "That is of the weights. For Q, K and V of the lesson"),
        ("1.5", failing, r"ValueError.*line \d+: return query @ key\[:2\], value"),
        ("1.5", lambda query, key, value: None, "returns nothing"),
    ],
)
def test_a_wrong_answer_and_what_is_said_of_it(number, answer, words, capsys):
    check(number, answer)
    assert capsys.readouterr().out.startswith(f"Exercise {number}: not yet. ")
    with pytest.raises(WrongAnswer, match=words):
        check(number, answer, strict=True)


def test_an_entry_that_keeps_the_symmetry_is_not_enough():
    """Some entry and value of W_key leave the table symmetric: it says so."""
    for place in np.ndindex(*W_KEY.shape):
        matrix = key_with(place, W_KEY[place] + 1)
        scores = QUERY @ (np.array([[1.0, 0, 1, 0], [0, 2, 0, 2], [1, 1, 1, 1]]) @ matrix).T
        if np.array_equal(scores, scores.T):
            with pytest.raises(WrongAnswer, match="still symmetric"):
                check("1.1", matrix, strict=True)
        else:
            check("1.1", matrix, strict=True)
