"""What is fast, and why: exercises 6.1 to 6.5."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .lesson_8 import look_at_steps

OPERATIONS, BYTES = 100e9, 40e9  # a second, of the machine of exercise 6.1
HEADS, WIDTH, LENGTH = 8, 64, 2048  # of exercises 6.2 and 6.4


@exercise(
    "6.1",
    asks="a number of rows",
    right="A number of the matrix is four bytes, and serves each row with two operations.",
)
def rows_at_the_ridge(answer: Any) -> None:
    """The least whole number with 2 r / 4 operations a byte or more than the machine's ratio."""
    rows, ridge = read_number(answer), OPERATIONS / BYTES
    least = int(np.ceil(ridge * 4 / 2))
    if np.isclose(rows, ridge) or np.isclose(rows, np.ceil(ridge)):
        raise Off("That is in operations a byte; a number has four bytes and is used twice a row.")
    if rows != least:
        side = "less" if rows < least else "more"
        raise Off(
            f"With {rows:g} rows it is {2 * rows / 4:g} operations a byte; the machine's two "
            f"ceilings meet at {ridge:g}. It is {side} than needed."
        )


@exercise(
    "6.2",
    asks="a number",
    right="For each head, query and key: so many multiplications and additions as a key is wide.",
)
def operations_of_scores(answer: Any) -> None:
    """2 heads length^2 width."""
    number, right = read_number(answer), 2.0 * HEADS * LENGTH**2 * WIDTH
    for factor, why in (
        (0.5, "A multiplication and an addition count as two."),
        (1 / HEADS, "That is of one head."),
        (1 / WIDTH, "Each score is a dot product of 64 numbers."),
        (1 / LENGTH, "Every query meets every key."),
        (2, "The product with V is not asked for."),
    ):
        if np.isclose(number, factor * right, rtol=1e-3):
            raise Off(why)
    if not np.isclose(number, right, rtol=1e-3):
        raise Off("How many scores are there, and what does one of them take?")


@exercise(
    "6.3",
    asks="the name of your function of an iterator over (score, value)",
    right="When a larger score comes, what was there is shrunk to the new measure.",
)
def own_streamed_attention(answer: Any) -> None:
    """Softmax over a stream (Milakov and Gimelshein 2018), beside the formula for a whole row."""
    function = read_function(answer)
    for scores in ([1.0, -2.0, 0.5, 3.0], [-5.0, 1000.0, 999.0], [-900.0], [3.0, 2.0, 1.0]):
        row, values = np.array(scores), np.sin(np.arange(3.0 * len(scores))).reshape(-1, 3)
        weights = np.exp(row - row.max())
        right = weights / weights.sum() @ values
        stream = list(zip(scores, values, strict=True))
        output = read_array(call(lambda pairs: function(iter(pairs)), stream))
        if output.shape == right.shape and not np.isfinite(output).all():
            raise Off(f"For scores {scores} it is {output}: subtract the largest score so far.")
        compare(output, right, f"For scores {scores}.", tell=True)


@exercise(
    "6.4",
    asks="a share, between 0 and 1",
    right="The diagonal and what is below it: a little more than half.",
)
def share_of_causal_pairs(answer: Any) -> None:
    """(L + 1) / 2 L."""
    right = np.tri(LENGTH, dtype=bool).mean()
    compare(np.array(read_number(answer)), np.array(right), "Count the diagonal.", atol=1e-3)


@exercise(
    "6.5",
    asks="the name of your function of (query, key, value, state)",
    right="No mask is needed: what must not be seen is not there yet.",
)
def own_cached_step(answer: Any) -> None:
    """Step by step, beside causal attention over all positions."""
    look_at_steps(answer)
