"""A small GPT: exercises 8.1 to 8.5."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...reference import attention, causal_mask
from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise

PLACE = 7  # where exercise 8.2 replaces a token


@exercise(
    "8.1",
    asks="a number",
    right="Names and things come in 10 * 9 * 8 * 7 orders each, the four facts again in 4!.",
)
def chance_of_a_story(answer: Any) -> None:
    """The logarithm of the number of equally likely stories."""
    half, order = math.log(math.perm(10, 4)), math.log(math.factorial(4))
    number = read_number(answer)
    for wrong, why in (
        (2 * half, "And the order of the second half?"),
        (half + order, "Names *and* things are drawn."),
        (2 * math.log(10**4) + order, "No name and no thing comes twice."),
        (4 * half + order, "In the second half only the order is chance."),
        ((2 * half + order) / math.log(2), "That is in bits; nats are natural logarithms."),
        (math.perm(10, 4) ** 2 * math.factorial(4), "So many stories; nats are the logarithm."),
    ):
        if math.isclose(number, wrong, rel_tol=1e-3):
            raise Off(why)
    if not math.isclose(number, 2 * half + order, rel_tol=1e-3):
        raise Off("Count the equally likely stories, and take the logarithm.")


@exercise(
    "8.2",
    asks="a position, counted from 0",
    right="The position itself reads the token, and none before it does.",
)
def first_changed_position(answer: Any) -> None:
    """Found by causal attention over ten tokens, one of which is replaced."""
    before = np.random.default_rng(0).normal(size=(10, 4))
    after = before.copy()
    after[PLACE] += 1
    outputs = [attention(x, x, x, causal=True)[0] for x in (before, after)]
    first = int(np.abs(outputs[1] - outputs[0]).max(axis=1).nonzero()[0][0])
    number = read_number(answer)
    if number < first:
        raise Off("If that position changed, it would have seen the future.")
    if number > first:
        raise Off("An earlier one changes already. What does a position read: itself, too?")


@exercise(
    "8.3",
    asks="the name of your function step(q, k, v, past)",
    right="What is not yet in the past cannot be seen, so there is no mask.",
)
def own_cache(answer: Any) -> None:
    """Six steps, one position each, beside causal attention over all."""
    function = read_function(answer)
    query, key, value = np.random.default_rng(1).normal(size=(3, 6, 4))
    right, _ = attention(query, key, value, mask=causal_mask(6))
    past: Any = None
    for i in range(len(query)):
        pair = call(function, query[i], key[i], value[i], past)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise Off("It should return two things: the output and the new past.")
        output, past = read_array(pair[0]), pair[1]
        hint = f"That is at step {i}, counted from 0."
        if i == 0 and not np.allclose(output, value[0]):
            hint += " The first position reads itself alone: its output is its value."
        compare(output.reshape(-1), right[i], hint, tell=True)


def nucleus(probabilities: Array, share: float) -> Array:
    """Keep the fewest tokens whose probabilities sum to a share (Holtzman et al. 2020)."""
    order = np.argsort(-probabilities, kind="stable")
    count = int(np.searchsorted(np.cumsum(probabilities[order]), share - 1e-12)) + 1
    rest = np.zeros_like(probabilities)
    rest[order[:count]] = probabilities[order[:count]]
    return rest / rest.sum()


@exercise(
    "8.4",
    asks="the name of your function of (probabilities, p)",
    right="The likeliest token is always among them, however small p is.",
)
def own_nucleus(answer: Any) -> None:
    """Several distributions and shares."""
    function = read_function(answer)
    probabilities = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    for share in (0.6, 0.3, 0.75, 1.0):
        result, right = (
            read_array(call(function, probabilities, share)),
            nucleus(probabilities, share),
        )
        if result.shape == right.shape:
            if not (result > 0).any():
                raise Off(f"For p = {share} nothing is left; the likeliest token always stays.")
            if not np.isclose(result.sum(), 1):
                raise Off(
                    f"For p = {share} the new probabilities sum to {result.sum():.3g}, not to 1."
                )
        about = f"Probabilities {probabilities.tolist()} and p = {share}."
        compare(result, right, about, tell=True)


@exercise(
    "8.5",
    asks="1 or 2, after you have trained both",
    right="With one layer nothing at the thing's place says whose it is; the second reads that.",
)
def least_depth(answer: Any) -> None:
    """Two, as training shows: whose thing it is must be carried to it first."""
    number = read_number(answer)
    if number not in (1, 2):
        raise Off("Choose 1 or 2.")
    if number == 1:
        raise Off(
            "With one layer it names one of the three things of the story, about a third of them "
            "rightly: at `drum` its key says drum, and not whose."
        )
