"""What an exercise is, and the list of all of them by number."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..visible import quoted

Check = Callable[..., None]


class Off(Exception):
    """An answer is not right; the message says in words what is off."""


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
    asks: str
    right: str
    look: Check


_EXERCISES: dict[str, Exercise] = {}
_NUMBER = re.compile(r"([1-9])\.[1-9][0-9]?")


def exercise(number: str, *, asks: str, right: str) -> Callable[[Check], Check]:
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


def exercise_of(number: str) -> Exercise:
    """Return the exercise of a number.

    Raises:
        ConfigError: no lesson has it.
    """
    match = _NUMBER.fullmatch(number) if isinstance(number, str) else None
    if match is None:
        raise ConfigError(
            f"An exercise is named by its lesson and its number, as in '1.3'; "
            f"there is none called {quoted(number)}."
        )
    exercises = exercises_of(int(match[1]))
    if number not in exercises:
        those = f"those are {', '.join(exercises)}" if exercises else "it has none that check you"
        raise ConfigError(f"Lesson {match[1]} has no exercise {number}; {those}.")
    return exercises[number]
