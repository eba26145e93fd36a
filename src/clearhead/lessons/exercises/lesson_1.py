"""Attention by hand: exercises 1.1 to 1.5."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference import attention, softmax
from .._answers import Array, call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise

X = np.array([[1.0, 0, 1, 0], [0, 2, 0, 2], [1, 1, 1, 1]])
W_QUERY = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]])
W_KEY = np.array([[0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
W_VALUE = np.array([[0, 2, 0], [0, 3, 0], [1, 0, 3], [1, 1, 0]])
QUERY, KEY, VALUE = X @ W_QUERY, X @ W_KEY, X @ W_VALUE
"""The numbers of lesson 1: three tokens, one row each."""


@exercise(
    "1.1",
    asks="a copy of W_key with one other entry",
    right="Keys changed and queries did not, so rows and columns no longer mirror each other.",
)
def key_matrix_without_symmetry(answer: Any) -> None:
    """Any one entry will do that makes the table of scores differ from its transpose."""
    matrix = read_array(answer, W_KEY.shape)
    changes = int(np.sum(matrix != W_KEY))
    if changes == 0:
        raise Off(
            "It is W_key as it was. Copy it with W_key.copy(), change an entry of the copy, and if "
            "W_key itself has changed, run its cell again."
        )
    if changes > 1:
        raise Off(f"One entry may change; in yours {changes} have.")
    scores = QUERY @ (X @ matrix).T
    if np.array_equal(scores, scores.T):
        place = [int(i[0]) for i in np.nonzero(matrix != W_KEY)]
        raise Off(
            f"With another entry at {place} the table of scores is still symmetric. Try one more."
        )


@exercise(
    "1.2",
    asks="one of the four divisors",
    right="The larger the divisor, the smaller the differences of scores, and the flatter the row.",
)
def divisor_of_flat_weights(answer: Any) -> None:
    """The divisor of the four whose weights are closest to one third each."""
    divisors = (0.5, 1.0, float(np.sqrt(3)), 10.0)
    divisor = read_number(answer)
    offered = [one for one in divisors if np.isclose(one, divisor, rtol=0, atol=0.01)]
    if not offered:
        raise Off(f"Choose one of 0.5, 1, np.sqrt(3) and 10; yours is {divisor:g}.")

    def largest(by: float) -> float:
        return float(softmax(QUERY @ KEY.T / by).max())

    if largest(offered[0]) > min(map(largest, divisors)):
        raise Off(
            f"Divided by {divisor:.3g}, the largest weight of the table is "
            f"{largest(offered[0]):.0%}; another of the four brings it closer to a third."
        )


@exercise(
    "1.3",
    asks="three numbers",
    right="A weight of one on value 2 and of zero on the others: the mean is value 2 itself.",
)
def output_of_all_attention(answer: Any) -> None:
    """The output for the weights (0, 1, 0)."""
    numbers = read_array(answer, (3,))
    for row, name in ((QUERY[1], "query 2"), (KEY[1], "key 2"), (X[1, :3], "token 2")):
        if np.array_equal(numbers, row):
            raise Off(f"That is {name}. What a token has to give is its value.")
    if np.array_equal(numbers, VALUE[0]):
        raise Off("That is value 1. It gives its attention to token 2, not to itself.")
    compare(numbers, np.array([0.0, 1, 0]) @ VALUE, "The weights are 0, 1 and 0.")


@exercise(
    "1.4",
    asks="two indices, (query, key)",
    right="First the query, who receives; then the key, who gives; and Python counts from 0.",
)
def place_of_contribution(answer: Any) -> None:
    """The indices of what value 3 gives to token 2, negative ones included."""
    place = read_array(answer, (2,))
    if place.dtype.kind not in "iu":
        raise Off("Indices are whole numbers.")
    query, key = (int(index) % 3 if -3 <= index < 3 else int(index) for index in place)
    if (query, key) == (2, 1):
        raise Off("That is what value 2 gives to token 3: the query, who receives, comes first.")
    if (query, key) == (2, 3):
        raise Off("Token 2 and value 3 they are, but Python counts from 0.")
    if (query, key) != (1, 2):
        raise Off(f"That is row {query + 1} of tokens and {key + 1} of values, counted from 1.")


@exercise(
    "1.5",
    asks="the name of your function",
    right="It serves square tables and others. `clearhead check FILE` tries it harder.",
)
def own_attention(answer: Any) -> None:
    """A function of query, key and value that returns the outputs and the weights."""
    function = read_function(answer)
    generator = np.random.default_rng(0)
    wide = [generator.normal(size=shape) for shape in ((2, 6), (5, 6), (5, 3))]
    for tables, about in (
        ((QUERY, KEY, VALUE), "For Q, K and V of the lesson"),
        (tuple(wide), "For 2 queries and 5 keys of width 6, with values of width 3"),
    ):
        _compare_pair(call(function, *tables), attention(*tables), about)


def _compare_pair(result: Any, right: tuple[Array, Array], about: str) -> None:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Off(
            "It should return two things, the outputs and the weights: `return output, weights`."
        )
    output, weights = (read_array(part) for part in result)
    if (output.shape, weights.shape) == (right[1].shape, right[0].shape) and np.allclose(
        output, right[1]
    ):
        raise Off("It returns the weights first; the outputs are to come first.")
    if weights.shape == right[1].shape and not np.allclose(weights.sum(axis=-1), 1):
        raise Off(
            f"{about}, its rows of weights do not sum to one: {weights.sum(axis=-1).round(3)}. "
            "Have you written keepdims=True?"
        )
    compare(weights, right[1], f"That is of the weights. {about}.", tell=True)
    compare(output, right[0], f"That is of the outputs. {about}.", tell=True)
