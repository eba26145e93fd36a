"""Train a small translator: exercises 4.1 to 4.5.

Three of them are about what the pupil's notebook has trained and measured, which it hands over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise

START, END, VOCABULARY = 1, 2, 400


@exercise(
    "4.1",
    asks="the name of your function",
    right="Place by place, what is read and what has to be said next.",
)
def shift_by_one(answer: Any) -> None:
    """Start and text; text and end."""
    function = read_function(answer)
    for ids in ([7, 8, 9], [5]):
        pair = call(function, list(ids))
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise Off("It should return two lists: `return reads, says`.")
        reads, says = ([int(i) for i in read_array(list(row))] for row in pair)
        if (says, reads) == ([START, *ids], [*ids, END]):
            raise Off("Both are right, and the wrong way round: first what is read.")
        if reads == [START, *ids, END]:
            raise Off("The end token is never read: nothing comes after it.")
        if says == [START, *ids, END]:
            raise Off("The start token is never said: it stands there from the beginning.")
        if len(reads) != len(says):
            raise Off(
                f"For {ids} the lists have {len(reads)} and {len(says)} ids; "
                "place by place they belong together."
            )
        if (reads, says) != ([START, *ids], [*ids, END]):
            raise Off(f"For {ids} yours are {reads} and {says}.")


@exercise(
    "4.2", asks="a number", right="Minus the logarithm of 1/400: it knows nothing, and knows that."
)
def loss_of_knowing_nothing(answer: Any) -> None:
    """ln 400."""
    number = read_number(answer)
    if math.isclose(number, math.log2(VOCABULARY), abs_tol=0.01):
        raise Off("That is in bits; a loss is counted with the natural logarithm.")
    if math.isclose(number, -math.log(VOCABULARY), abs_tol=0.01):
        raise Off("The loss is *minus* the logarithm of a probability, which is below 0.")
    right = -math.log(1 / VOCABULARY)
    compare(
        np.array(number), np.array(right), "Minus the logarithm of which probability?", atol=5e-3
    )


@exercise(
    "4.3",
    asks="the name of your function",
    right="It writes what the library's greedy search writes.",
)
def own_greedy_search(answer: Any, *, translator: Any, texts: Sequence[str]) -> None:
    """Translations by the pupil's search, beside the library's with a beam of one."""
    function, tokenizer = read_function(answer), translator.tokenizer
    for text in texts:
        ids = [int(i) for i in read_array(list(call(function, tokenizer.encode(text))))]
        right = translator.translate(text, beam_size=1).text
        if END in ids:
            raise Off("The end token is no piece of the translation: leave it out.")
        ours = tokenizer.decode(ids)
        if ours != right:
            raise Off(f"For {text!r} it writes {ours!r}; greedy search of the library {right!r}.")


@exercise(
    "4.4",
    asks="a number",
    right="Foreign words lie below it. What is wrong across the border may still lie above.",
)
def bound_of_scores(answer: Any, *, right: Array, foreign: Array) -> None:
    """Between the foreign texts and nearly all right translations."""
    bound = read_number(answer)
    above = int(np.sum(np.asarray(foreign) >= bound))
    if above:
        raise Off(
            f"{above} of the foreign texts score {bound:g} or more. The bound must be higher."
        )
    share = float(np.mean(np.asarray(right) < bound))
    if share > 0.01:
        raise Off(f"{share:.0%} of the right translations fall below it. The bound must be lower.")


@exercise(
    "4.5",
    asks="the last letters of a French number, in quotation marks",
    right="No example would show it, and a model cannot know what no example tells it.",
)
def ending_of_odd_numbers(answer: Any, *, french: Callable[[int], str]) -> None:
    """An ending of odd numbers alone, below 1,000."""
    ending = read_text(answer)
    even = [n for n in range(0, 1000, 2) if french(n).endswith(ending)]
    if not ending:
        raise Off("Every number ends in nothing.")
    if even:
        raise Off(f"The even number {even[0]} ends in it, too: {french(even[0])}.")
    if not any(french(n).endswith(ending) for n in range(1, 1000, 2)):
        raise Off("No number below 1,000 ends in it.")
