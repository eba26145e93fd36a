"""The names of a recording's positions, as tokens of the page."""

from __future__ import annotations

from ..contract.run_answers import Token


class TokenLists:
    """Names as tokens; a recording knows no ids.

    All modules of a sequence have the same names, of which one list is made.
    """

    def __init__(self) -> None:
        self._lists: dict[tuple[str, ...], list[Token]] = {}

    def of(self, names: list[str]) -> list[Token]:
        """Return the tokens of these names."""
        place = tuple(names)
        if place not in self._lists:
            self._lists[place] = [{"id": -1, "piece": name, "special": False} for name in names]
        return self._lists[place]
