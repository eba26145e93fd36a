"""A small GPT: exercises 8.1 to 8.5."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ...reference import attention, causal_mask
from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise

PEOPLE, VERBS, THINGS = 12, 3, 30  # of exercise 8.1


@exercise(
    "8.1",
    asks="a number",
    right="12 * 3 * 12 * 30 stories, all equally likely. What follows from them adds nothing.",
)
def chance_of_a_story(answer: Any) -> None:
    """The logarithm of the number of equally likely stories."""
    stories = PEOPLE * VERBS * PEOPLE * THINGS
    right = math.log(stories)
    number = read_number(answer)
    for wrong, why in (
        (math.log(PEOPLE * VERBS * (PEOPLE - 1) * THINGS), "Whom can a person give to now?"),
        (math.log(PEOPLE * VERBS * PEOPLE * 12), "There are 30 things now."),
        (math.log(PEOPLE * PEOPLE * THINGS), "The verb is chance, too: one of three."),
        (math.log2(stories), "That is in bits; nats are natural logarithms."),
        (stories, "So many stories; nats are the logarithm."),
    ):
        if math.isclose(number, wrong, rel_tol=1e-3):
            raise Off(why)
    if not math.isclose(number, right, rel_tol=1e-3):
        raise Off("Count the equally likely stories, and take the logarithm.")


@exercise(
    "8.2",
    asks="a position, counted from 0",
    right="The position itself reads the token, and none before it does.",
)
def first_changed_position(answer: Any, *, changes: Any) -> None:
    """As the notebook has measured: the largest change of a logit at each position."""
    first = int(read_array(changes).nonzero()[0][0])
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
    look_at_steps(answer)


def look_at_steps(answer: Any) -> None:
    """Hold a function of one query, key, value and the past against causal attention over all.

    Raises:
        Off: an output differs, or it does not return two things.
    """
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
    asks="a text that the model goes on with",
    right="The last word follows the thing of the first sentence, whoever has it.",
)
def prompt_for_a_harp(answer: Any, *, gpt: Any) -> None:
    """One sentence and most of the next, to which the pupil's model adds the word *harp*."""
    prompt = read_text(answer)
    names = sorted({"Ann", "Tom"} & set(re.findall(r"\w+", prompt)))
    if names:
        raise Off(f"Somebody in it is called {names[0]}.")
    if prompt.count(".") != 1 or prompt.endswith("."):
        raise Off("It should have one full stop, and end before the last word of what follows it.")
    word = gpt.generate(prompt, max_new_tokens=1).text
    if word.strip() != "harp":
        raise Off(f"After that the model says {word!r}.")
