"""Positions in a sequence, counted from its first token, including tokens in a cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError


@dataclass(frozen=True)
class Positions:
    """A selection of positions: a span, or a list.

    Attributes:
        start, end: of a span; None stands for the end of the sequence.
        places: the positions of a list, in ascending order; None for a span.
    """

    start: int = 0
    end: int | None = None
    places: tuple[int, ...] | None = None

    @classmethod
    def of(cls, choice: Any, what: str = "positions") -> Positions:
        """Return the selection that a user describes.

        Args:
            choice: a number, a slice or range without a step, several numbers, or None for all.
            what: what the positions are called in errors.

        Raises:
            ConfigError: it is none of these, or counts from the end, which is unknown while a text
                grows.
        """
        if isinstance(choice, Positions):
            return choice
        if choice is None:
            return cls()
        if isinstance(choice, slice):
            if choice.step not in (None, 1):
                choice = _listed(choice, what)
            else:
                start, end = choice.start or 0, choice.stop
                _check_not_negative([start, *([] if end is None else [end])], what)
                return cls(start, end)
        if isinstance(choice, int) and not isinstance(choice, bool):
            choice = [choice]
        elif hasattr(choice, "tolist"):
            choice = _numbers_of(choice)
        if isinstance(choice, str) or not isinstance(choice, Iterable):
            raise ConfigError(
                f"{what} are a number, a slice, or several numbers; got {type(choice).__name__}."
            )
        places = list(choice)
        if any(not isinstance(place, int) or isinstance(place, bool) for place in places):
            raise ConfigError(f"{what} are whole numbers; got {places}.")
        _check_not_negative(places, what)
        if not places:
            raise ConfigError(f"{what} are empty: nothing would be edited.")
        return cls(places=tuple(sorted(set(places))))

    @property
    def is_all(self) -> bool:
        """Whether every position is selected."""
        return self.places is None and self.start == 0 and self.end is None

    def within(self, first: int, length: int) -> list[int] | None:
        """Return which rows of a stretch are selected.

        Args:
            first: the position of the stretch's first row.
            length: how many rows it has.

        Returns:
            Indices of its rows; None for all of them.
        """
        if self.places is not None:
            rows = [place - first for place in self.places if first <= place < first + length]
            return None if len(rows) == length else rows
        start = max(self.start - first, 0)
        end = length if self.end is None else min(self.end - first, length)
        if start == 0 and end == length:
            return None
        return list(range(start, max(start, end)))

    def __str__(self) -> str:
        if self.places is not None:
            return ", ".join(map(str, self.places))
        return "all" if self.is_all else f"{self.start}:{'' if self.end is None else self.end}"


def _numbers_of(choice: Any) -> list[Any]:
    """Return the positions in an array or tensor: its numbers, or where a mask is True."""
    numbers = choice.reshape(-1).tolist()
    if numbers and all(isinstance(one, bool) for one in numbers):
        return [place for place, one in enumerate(numbers) if one]
    return list(numbers)


def _listed(choice: slice, what: str) -> list[int]:
    if choice.stop is None:
        raise ConfigError(f"{what} with a step need an end; got {choice}.")
    _check_not_negative([choice.start or 0, choice.stop], what)
    return list(range(choice.start or 0, choice.stop, choice.step))


def _check_not_negative(places: list[int], what: str) -> None:
    if any(place < 0 for place in places):
        raise ConfigError(
            f"{what} count from the first token, so none can be negative; got {places}. The last "
            "token of a text of n tokens is n - 1."
        )
