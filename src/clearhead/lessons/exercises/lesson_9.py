"""A circuit: exercises 9.1 to 9.5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise

PRICES = (0.3, 0.2, 1.1)  # of exercise 9.2: without A, without B, without both
DIFFERENCES = (-8.0, 6.0, -1.0)  # of exercise 9.3: the first run, the second, the patched one


@exercise(
    "9.1",
    asks='"predicting" or "reading"',
    right="A word that is read has been written already; the source of the next one is wanted.",
)
def rows_of_counterparts(answer: Any, *, predicting: Array, reading: Array) -> None:
    """The rows in which the best head finds more counterparts."""
    best = {"predicting": float(np.max(predicting)), "reading": float(np.max(reading))}
    rows = read_text(answer, best)
    if best[rows] < max(best.values()):
        raise Off(f"In those rows the best head finds {best[rows]:.0%} of the counterparts.")


@exercise(
    "9.2",
    asks="a number",
    right="Had they nothing to do with each other, both would cost the sum.",
)
def price_of_standing_in(answer: Any) -> None:
    """What both cost beyond the sum."""
    first, second, both = PRICES
    number = read_number(answer)
    if np.isclose(number, both):
        raise Off("That is all that is lost; 0.3 and 0.2 of it each costs alone.")
    hint = "Had the two nothing to do with each other, what would both cost?"
    compare(np.array(number), np.array(both - first - second), hint)


@exercise("9.3", asks="a share, between 0 and 1", right="The patch went 7 of 14: half of the way.")
def share_of_a_patch(answer: Any) -> None:
    """The way that the patch went, of the whole."""
    first, second, patched = DIFFERENCES
    right = (patched - first) / (second - first)
    number = read_number(answer)
    if np.isclose(number, 100 * right):
        raise Off("That is in per cent; a share lies between 0 and 1.")
    compare(np.array(number), np.array(right), "How far is it from -8 to 6, and from -8 to -1?")


@exercise(
    "9.4",
    asks="the name of your function of (output, head)",
    right="It says the same at every position, and what it got is as it was.",
)
def own_mean_ablation(answer: Any) -> None:
    """One head's output becomes its mean over positions, in a copy."""
    function = read_function(answer)
    output = np.random.default_rng(0).normal(size=(1, 4, 5, 3))
    for head in (0, 2):
        right = output.copy()
        right[:, head] = right[:, head].mean(axis=-2, keepdims=True)
        mine = output.copy()
        result = read_array(call(lambda x, h: (function(x, h), x), mine, head)[0])
        if result.shape == output.shape:
            others = [other for other in range(4) if other != head]
            if not np.array_equal(result[:, others], output[:, others]):
                raise Off("Other heads have changed, too.")
            if np.allclose(result[:, head], 0):
                raise Off("It says zero; the mean over its positions is asked for.")
            if np.allclose(result[:, head], output[:, head].mean()):
                raise Off("The mean is over positions; each of the head's columns has its own.")
        compare(result, right, f"Head {head} of 4, at 5 positions.", tell=True)
        argument = output.copy()
        function(argument, head)
        if not np.array_equal(argument, output):
            raise Off("It writes over what it got: begin with output.copy().")


@exercise(
    "9.5",
    asks="(layer, head)",
    right="For these links, and with the others in place.",
)
def dearest_head_of_self_attention(
    answer: Any,
    *,
    price: Callable[[Sequence[tuple[int, int]], str], float],
    layers: int,
    heads: int,
) -> None:
    """The head whose removal costs most, measured anew."""
    place = read_array(answer, (2,))
    if place.dtype.kind not in "iu":
        raise Off("The numbers of a layer and of a head are whole.")
    layer, head = int(place[0]), int(place[1])
    if not (0 <= layer < layers and 0 <= head < heads):
        raise Off(f"There are layers 0 to {layers - 1} and heads 0 to {heads - 1}; layer first.")
    prices = {
        (i, j): float(price([(i, j)], "self_attention"))
        for i in range(layers)
        for j in range(heads)
    }
    if prices[layer, head] < max(prices.values()):
        raise Off(f"It costs {prices[layer, head]:.3f} nats; another costs more.")
