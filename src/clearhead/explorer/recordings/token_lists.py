"""Turns the names of a recording's positions into tokens of the page."""

from __future__ import annotations

from ..contract.run_answers import Token


class TokenLists:
    """Names as tokens; a recording has no ids.

    Modules with the same names share one list of tokens.
    """

    def __init__(self) -> None:
        self._lists: dict[tuple[str, ...], list[Token]] = {}

    def of(self, names: list[str]) -> list[Token]:
        """Return the tokens for these names."""
        place = tuple(names)
        if place not in self._lists:
            self._lists[place] = [{"id": -1, "piece": name, "special": False} for name in names]
        return self._lists[place]
