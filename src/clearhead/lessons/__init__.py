"""Lessons that check you: whether an answer to an exercise is right, and if not, what is off.

    from clearhead.lessons import check
    check("1.3", [2, 8, 0])

and in a Portuguese lesson::

    from clearhead.lessons import check_in
    check = check_in("pt")

How a lesson registers its exercises: one file for each lesson, ``exercises/lesson_N.py``, with one
function for each exercise, which carries its number::

    @exercise(
        "1.3",
        asks=text("three numbers", "três números"),
        right=text("A weight of one on value 2.", "Um peso de um no valor 2."),
    )
    def output_of_token_1(answer: Any) -> None:
        hint = text("The weights are 0, 1 and 0.", "Os pesos são 0, 1 e 0.")
        compare(read_array(answer, shape=(3,)), VALUE[1], hint)

The function reads the answer with the readers of ``_answers`` and raises ``Off`` with a `Text`,
what is off in every language, when it is wrong; returning means that it is right. What is right
is computed, as the lesson computes it, and never written down where it can be computed. The
lesson's cell is::

    answer = ...      # three numbers
    check("1.3", answer)

Numbers that exist in the pupil's notebook alone (a loss that was measured there) are handed over
by name: ``check("4.2", answer, losses=losses)``.
"""

from __future__ import annotations

from ._check import check, check_in
from ._exercise import WrongAnswer

__all__ = ["WrongAnswer", "check", "check_in"]
