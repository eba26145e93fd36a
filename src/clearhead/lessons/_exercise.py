"""What an exercise is, and the list of all of them by number."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..visible import quoted
from ._text import Text, text

Check = Callable[..., None]


class Off(Exception):
    """An answer is not right; the text says in words what is off.

    Attributes:
        text: in each language; as a string, the error is the English one.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self.text = text


class WrongAnswer(AssertionError):
    """What `check` raises with ``strict=True`` when an answer is missing or not right."""


@dataclass(frozen=True)
class Exercise:
    """An exercise of a lesson.

    Attributes:
        number: as the lesson prints it, "1.3".
        asks: what is to be put in place of the three dots, "three numbers".
        right: one sentence for who got it right: why it is so.
        look: raises `Off` when an answer is wrong.
    """

    number: str
    asks: Text
    right: Text
    look: Check


_EXERCISES: dict[str, Exercise] = {}
_NUMBER = re.compile(r"([1-9])\.[1-9][0-9]?")


def exercise(number: str, *, asks: Text, right: Text) -> Callable[[Check], Check]:
    """Register the function below as the check of an exercise; see `Exercise`."""

    def register(look: Check) -> Check:
        assert _NUMBER.fullmatch(number), number
        assert number not in _EXERCISES, number
        _EXERCISES[number] = Exercise(number, asks, right, look)
        return look

    return register


def exercises_of(lesson: int) -> dict[str, Exercise]:
    """Return the exercises of a lesson by number, in their order; empty when it has none."""
    if f"lesson_{lesson}" in {
        path.stem for path in (Path(__file__).parent / "exercises").iterdir()
    }:
        importlib.import_module(f"{__package__}.exercises.lesson_{lesson}")
    return {name: one for name, one in _EXERCISES.items() if name.startswith(f"{lesson}.")}


def exercise_of(number: str, language: str = "en") -> Exercise:
    """Return the exercise of a number.

    Args:
        number: as the lesson prints it, "1.3".
        language: in which an error is told.

    Raises:
        ConfigError: no lesson has it.
    """
    match = _NUMBER.fullmatch(number) if isinstance(number, str) else None
    if match is None:
        problem = text(
            "An exercise is named by its lesson and its number, as in '1.3'; "
            "there is none called {number}.",
            "Um exercício se chama pela lição e pelo número, como em '1.3'; "
            "não existe nenhum com o nome {number}.",
            number=quoted(number),
        )
        raise ConfigError(problem.within(language))
    exercises = exercises_of(int(match[1]))
    if number not in exercises:
        numbers = ", ".join(exercises)
        those = text("those are {numbers}", "ela tem {numbers}", numbers=numbers)
        if not exercises:
            those = text("it has none that check you", "nenhum exercício dela se confere sozinho")
        problem = text(
            "Lesson {lesson} has no exercise {number}; {those}.",
            "A lição {lesson} não tem o exercício {number}; {those}.",
            lesson=match[1],
            number=number,
            those=those,
        )
        raise ConfigError(problem.within(language))
    return exercises[number]
