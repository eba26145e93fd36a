"""Scale, mask, softmax: exercises 2.1 to 2.6."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...reference import attention, causal_mask, softmax
from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise

WIDTH = 64  # d_k of exercise 2.1


@exercise(
    "2.1",
    asks="two numbers, (low, high)",
    right="The variance of a raw score is d_k = 64, its standard deviation 8, and twice that 16.",
)
def bounds_of_raw_scores(answer: Any) -> None:
    """The share of a normal distribution of variance 64 between the bounds is 0.95."""
    low, high = (float(bound) for bound in read_array(answer, (2,)))
    if low >= high:
        raise Off("The lower bound comes first.")
    deviation = math.sqrt(WIDTH)
    share = (
        math.erf(high / deviation / math.sqrt(2)) - math.erf(low / deviation / math.sqrt(2))
    ) / 2
    if not 0.93 < share < 0.97:
        hint = " Those would be the bounds of *scaled* scores." if (low, high) == (-2, 2) else ""
        raise Off(f"About {share:.1%} of the raw scores lie between them.{hint}")


@exercise(
    "2.2",
    asks="a number",
    right="e^(s + 7) is e^s times e^7, and the factor stands in the sum as well, so it cancels.",
)
def change_by_a_constant(answer: Any) -> None:
    """Softmax does not change when all scores of a row do by the same."""
    scores = np.random.default_rng(0).normal(size=5)
    change = softmax(scores + 7) - softmax(scores)
    compare(
        np.array(read_number(answer)),
        change.max(),
        "Try it: softmax(scaled + 7) - softmax(scaled).",
    )


@exercise(
    "2.3",
    asks="a table of two rows, np.array([[..., ...], [..., ...]])",
    right="One row is so far below the other that its exponentials are all zero: 0/0.",
)
def table_with_nan(answer: Any) -> None:
    """NaN with the largest score of the whole table, and none with each row's own."""
    table = np.asarray(read_array(answer), dtype=float)
    if table.ndim != 2 or len(table) != 2:
        raise Off(f"A table of two rows is asked for; the shape of yours is {table.shape}.")
    if not np.isfinite(table).all():
        raise Off("Finite scores are enough.")
    exponentials = np.exp(table - table.max())
    sums = exponentials.sum(axis=-1)
    if (sums > 0).all():
        raise Off(
            f"The sums of its rows of exponentials are {sums[0]:.3g} and {sums[1]:.3g}; the row "
            "comes out as NaN when one of them is zero. How small must a score be for that?"
        )


@exercise(
    "2.4",
    asks="the name of your function of one number, the length",
    right="A query, and a key at its place or before.",
)
def own_causal_mask(answer: Any) -> None:
    """A boolean table, True on and below the diagonal."""
    function = read_function(answer)
    for length in (1, 2, 5):
        mask, right = read_array(call(function, length)), causal_mask(length)
        if mask.shape != right.shape:
            raise Off(f"For {length} tokens its shape should be {right.shape}; it is {mask.shape}.")
        values = np.where(np.isneginf(np.asarray(mask, float)), 0, mask != 0)
        if np.array_equal(mask != 0, ~right) and length > 1:
            raise Off("It is the wrong way round: True means *may attend*.")
        if np.array_equal(values != 0, right.T) and length > 1:
            raise Off("It is transposed: rows are queries, and this query 1 sees the future.")
        if np.array_equal(values != 0, np.tri(length, k=-1, dtype=bool)):
            raise Off("A query may attend to its own place, too.")
        if mask.dtype != bool:
            raise Off(
                f"It is made of {mask.dtype.name}, not of True and False: a mask of numbers is "
                "added to the scores. Compare, or use dtype=bool."
            )
        if not np.array_equal(mask, right):
            raise Off(f"For {length} tokens it is not the causal mask.")


@exercise(
    "2.5",
    asks="six numbers",
    right="Zeros: no weights, and no NaN that would spoil every sum over the batch.",
)
def output_of_nothing(answer: Any) -> None:
    """What attention returns for a query that may attend to nothing."""
    query, key, value = np.random.default_rng(0).normal(size=(3, 5, 6))
    output, _ = attention(query, key, value, mask=np.zeros((5, 5), dtype=bool))
    numbers = read_array(answer, (6,))
    if np.isnan(numbers).all():
        raise Off("NaN would be defensible, but it spoils every sum over the batch. Ask it.")
    compare(numbers, output[0], "Ask it: attention(Q, K, V, mask=np.zeros((5, 5), dtype=bool)).")


@exercise(
    "2.6",
    asks="a boolean table of 2 x 5, True where a query may attend",
    right="None is needed: the future is that of the translation, and every key is of the source.",
)
def mask_of_cross_attention(answer: Any) -> None:
    """All of the source may be seen."""
    mask = read_array(answer, (2, 5))
    if mask.dtype != bool:
        raise Off(f"It should be of True and False; it is of {mask.dtype.name}.")
    if np.array_equal(mask, np.tri(2, 5, dtype=bool)):
        raise Off("That is a causal mask. But is a word of the source in the decoder's future?")
    if not mask.all():
        place = tuple(int(i) for i in np.argwhere(~mask)[0])
        raise Off(f"Why may query {place[0] + 1} not see word {place[1] + 1} of the source?")
