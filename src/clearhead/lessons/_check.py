"""Say whether an answer to an exercise is right."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

from ._exercise import Exercise, Off, WrongAnswer, exercise_of
from ._text import Text, check_language, text


class Check(Protocol):
    """What `check` is, in any language."""

    def __call__(self, exercise: str, answer: Any, *, strict: bool = False, **numbers: Any) -> None:
        """Print whether an answer is right; see `check`."""


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
    _CHECKS["en"](exercise, answer, strict=strict, **numbers)


def check_in(language: str) -> Check:
    """Return the `check` that answers in a language: ``check = check_in("pt")``.

    Args:
        language: "en" or "pt", that of the lesson.

    Raises:
        ConfigError: lessons have no such language.
    """
    check_language(language)
    return _CHECKS[language]


def _check_in(language: str) -> Check:
    def check(exercise: str, answer: Any, *, strict: bool = False, **numbers: Any) -> None:
        subject = exercise_of(exercise, language)
        verdict, is_right = _verdict(subject, answer, numbers)
        sentence = text(
            "Exercise {number}: {verdict}",
            "Exercício {number}: {verdict}",
            number=exercise,
            verdict=verdict,
        ).within(language)
        print(sentence)
        if strict and not is_right:
            raise WrongAnswer(sentence)

    check.__doc__ = Check.__call__.__doc__
    return check


_CHECKS = {language: _check_in(language) for language in ("en", "pt")}


def _verdict(subject: Exercise, answer: Any, numbers: dict[str, Any]) -> tuple[Text, bool]:
    if answer is ...:
        return text(
            "put your answer in place of the three dots: {asks}.",
            "ponha a sua resposta no lugar dos três pontos: {asks}.",
            asks=subject.asks,
        ), False
    try:
        # What a wrong answer does on its way (an overflow, say) is said in the sentence.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subject.look(answer, **numbers)
    except Off as off:
        return text("not yet. {what}", "ainda não. {what}", what=off.text), False
    except Exception as error:
        if not isinstance(error, ArithmeticError | LookupError | TypeError | ValueError):
            raise
        return text(
            "not yet. It should be {asks}; yours led to {error}.",
            "ainda não. O que se pede: {asks}; a sua resposta levou a {error}.",
            asks=subject.asks,
            error=f"{type(error).__name__}: {error}",
        ), False
    return text("right. {why}", "certo. {why}", why=subject.right), True
