"""Giving a thread back when nobody waits any more for what it computes.

A thread cannot be stopped from outside, so what may take long asks on its way whether it should
go on. The server says for whom a thread works; in a notebook, and in Python, nobody does, and
every question may take its time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

Result = TypeVar("Result")


class QuestionCancelled(Exception):
    """The question was given up: nobody waits for its answer."""


class Stop:
    """Whether a question has been given up."""

    def __init__(self) -> None:
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Ask what works on the question to end soon."""
        self._given_up.set()

    def check(self) -> None:
        """Raise QuestionCancelled if the question has been given up. It takes next to no time."""
        if self._given_up.is_set():
            raise QuestionCancelled


_NEVER = Stop()
_stop: ContextVar[Stop] = ContextVar("stop", default=_NEVER)


def until(stop: Stop, work: Callable[[], Result]) -> Result:
    """Do a piece of work, whose calls of `check` end it when it is given up."""
    stop.check()
    token = _stop.set(stop)
    try:
        return work()
    finally:
        _stop.reset(token)


def check() -> None:
    """Raise QuestionCancelled if the question that this thread works on was given up."""
    _stop.get().check()


def check_from_anywhere() -> Callable[[], None]:
    """Return a `check` of this thread's question, to be called from other threads."""
    return _stop.get().check
