"""Lessons that check you: whether an answer to an exercise is right, and if not, what is off.

    from clearhead.lessons import check
    check("1.3", [2, 8, 0])

How a lesson registers its exercises: one file for each lesson, ``exercises/lesson_N.py``, with one
function for each exercise, which carries its number::

    @exercise("1.3", asks="three numbers", right="A weight of one on value 2: the mean is value 2.")
    def output_of_token_1(answer: Any) -> None:
        compare(read_array(answer, shape=(3,)), VALUE[1], "A weight of one ...")

The function reads the answer with the readers of ``_answers`` and raises ``Off`` with a sentence
when it is wrong; returning means that it is right. What is right is computed, as the lesson
computes it, and never written down where it can be computed. The lesson's cell is::

    answer = ...      # three numbers
    check("1.3", answer)

Numbers that exist in the pupil's notebook alone (a loss that was measured there) are handed over
by name: ``check("4.2", answer, losses=losses)``.
"""

from __future__ import annotations

from ._check import check
from ._exercise import WrongAnswer

__all__ = ["WrongAnswer", "check"]
