"""Looking into a model: exercises 5.1 to 5.6.

Most are about the recording in the pupil's notebook, which hands over what they need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._answers import Array, call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise


@exercise("5.1", asks="a number", right="ln 2, and in general ln n for n tokens that share evenly.")
def entropy_of_two(answer: Any) -> None:
    """The natural logarithm of 2."""
    number, shares = read_number(answer), np.array([0.5, 0.5])
    if np.isclose(number, 1):
        raise Off("That is in bits; the lesson counts with natural logarithms, in nats.")
    if np.isclose(number, math.log(0.5), atol=5e-3):
        raise Off("An entropy is not negative: there is a minus before the sum.")
    hint = "Minus the sum of w ln w, over two weights of one half."
    compare(np.array(number), -(shares * np.log(shares)).sum(), hint, atol=5e-3)


@exercise(
    "5.2",
    asks="the name of your function of a table of weights",
    right="0 ln 0 counts as 0: a causal mask makes many weights of exactly zero.",
)
def own_entropy(answer: Any, *, rows: Any) -> None:
    """The entropy of each row of a table, zeros included."""
    function, weights = read_function(answer), np.asarray(rows, dtype=float)
    entropy = read_array(call(function, rows))
    if np.isnan(entropy).any():
        raise Off("It is NaN where a weight is exactly 0, since 0 times -inf is no number.")
    if entropy.size == 1 and len(weights) > 1:
        raise Off("One entropy for each row, please: sum over the last axis alone.")
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    compare(entropy, -(weights * logarithms).sum(axis=-1), "", atol=1e-3, tell=True)


@exercise(
    "5.3",
    asks="(layer, head)",
    right="The mirror image of the head that looks back, and as blind to what the words mean.",
)
def head_of_the_next_token(
    answer: Any, *, towards_next: Callable[[int, int], float], layers: int, heads: int
) -> None:
    """The head with the largest mean weight next to the diagonal."""
    place = read_array(answer, (2,))
    if place.dtype.kind not in "iu":
        raise Off("The numbers of a layer and of a head are whole.")
    layer, head = int(place[0]), int(place[1])
    if not (0 <= layer < layers and 0 <= head < heads):
        raise Off(f"There are layers 0 to {layers - 1} and heads 0 to {heads - 1}; layer first.")
    weight = towards_next(layer, head)
    if weight < max(towards_next(i, j) for i in range(layers) for j in range(heads)):
        raise Off(f"That head gives {weight:.2f} to the next token; another gives more.")


@exercise(
    "5.4", asks="a number", right="Each query gives away one, and we divided by how many there are."
)
def sum_of_what_is_received(answer: Any, *, shares: Any) -> None:
    """The sum over tokens, in each layer the same."""
    table = read_array(shares)
    number = read_number(answer)
    if np.isclose(number, table.shape[-1]):
        raise Off("So many queries there are; and we divided by their number.")
    compare(
        np.array(number),
        np.array(table.sum(axis=-1).mean()),
        "How much does one query give away?",
        atol=1e-3,
    )


@exercise(
    "5.5",
    asks="the name of your function of (tables, place)",
    right="From the last layer back to the first, a vector is enough.",
)
def own_rollout(answer: Any, *, tables: Sequence[Any]) -> None:
    """Half stays, half follows the mean of the heads (Abnar and Zuidema 2020)."""
    function = read_function(answer)
    arrays = [read_array(table).astype(float) for table in tables]
    for place in (0, len(arrays[0]) // 2):
        shares = read_array(call(function, tables, place)).astype(float)
        if shares.ndim == 1 and not np.isclose(shares.sum(), 1, atol=1e-3):
            raise Off(f"The shares of position {place} sum to {shares.sum():.3f}, and not to 1.")
        other_way = _rollout(arrays[::-1], place)
        if shares.shape == other_way.shape and np.allclose(shares, other_way, atol=1e-5):
            raise Off("It begins at the first layer; begin at the last, and go back.")
        compare(shares, _rollout(arrays, place), f"Position {place}.", atol=1e-5, tell=True)


def _rollout(tables: Sequence[Array], place: int) -> Array:
    shares = np.eye(len(tables[0]))[place]
    for table in reversed(tables):
        shares = shares / 2 + shares @ table / 2
    return shares


@exercise(
    "5.6",
    asks="two truth values, (in this model, in GPT-2)",
    right="An encoder reads the whole sentence; a causal mask lets no token see what comes after.",
)
def whether_earlier_weights_change(answer: Any, *, changes: tuple[bool, bool]) -> None:
    """As the notebook has measured."""
    values = read_array(answer, (2,))
    if values.dtype != bool:
        raise Off("Answer with True and False.")
    for value, right, model in zip(values, changes, ("this model", "GPT-2"), strict=True):
        if bool(value) != bool(right):
            raise Off(f"Of {model} it is not so: may its earlier tokens see a later one?")
