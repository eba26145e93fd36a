"""Say whether an answer to an exercise is right."""

from __future__ import annotations

import warnings
from typing import Any

from ._exercise import Off, WrongAnswer, exercise_of


def check(exercise: str, answer: Any, *, strict: bool = False, **numbers: Any) -> None:
    """Print whether an answer to an exercise of a lesson is right, and if not, what is off.

    A wrong answer never raises an error, so that a notebook goes on; three dots are a reminder
    that the answer is still to come.

    Args:
        exercise: its number, as the lesson has it: "1.3".
        answer: the pupil's: a number, an array, a text or a function, as the exercise asks.
        strict: raise an error unless the answer is right.
        numbers: what the exercise needs of what the pupil's notebook has computed, by name.

    Raises:
        WrongAnswer: ``strict``, and the answer is missing or not right.
        ConfigError: there is no such exercise.
    """
    subject = exercise_of(exercise)
    if answer is ...:
        sentence, is_right = f"put your answer in place of the three dots: {subject.asks}.", False
    else:
        try:
            # What a wrong answer does on its way (an overflow, say) is said in the sentence.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                subject.look(answer, **numbers)
            sentence, is_right = f"right. {subject.right}", True
        except Off as off:
            sentence, is_right = f"not yet. {off}", False
        except Exception as error:
            if not isinstance(error, ArithmeticError | LookupError | TypeError | ValueError):
                raise
            what = f"{type(error).__name__}: {error}"
            sentence, is_right = (
                f"not yet. It should be {subject.asks}; yours led to {what}.",
                False,
            )
    print(f"Exercise {exercise}: {sentence}")
    if strict and not is_right:
        raise WrongAnswer(f"Exercise {exercise}: {sentence}")
