"""What is asked of a recording, and its tokens, in the forms that its answers need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ConfigError, ShapeError
from ..contract.arrays import Window
from .modules import Module


class TokenLists:
    """Names as the front end's tokens; a recording knows no ids.

    All modules of a sequence have the same, of which one list is made.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], list[dict[str, Any]]] = {}

    def of(self, names: list[str]) -> list[dict[str, Any]]:
        """The tokens of these names."""
        place = tuple(names)
        if place not in self._known:
            self._known[place] = [{"id": -1, "piece": name, "special": False} for name in names]
        return self._known[place]


def page_of(layers: list[Module], asked: Any) -> list[Module]:
    """The layers from ``start`` to before ``stop``, of a part that is shown page by page."""
    if asked is None:
        return layers
    ends = list(asked) if isinstance(asked, list | tuple) else []
    if len(ends) != 2 or not all(type(end) is int for end in ends):
        raise ConfigError(f"layers is [start, stop]; got {asked!r}.")
    start, stop = ends
    if not 0 <= start < stop <= len(layers):
        raise ShapeError(
            f"layers is [start, stop] with 0 <= start < stop <= {len(layers)}, the part's layers; "
            f"got {asked!r}."
        )
    return layers[start:stop]


def spans_of(item: Mapping[str, Any], path: str) -> Window | None:
    window = item.get("window")
    if window is None:
        return None
    spans = window if isinstance(window, list | tuple) else [window]
    if not all(
        isinstance(span, list | tuple) and len(span) == 2 and all(type(end) is int for end in span)
        for span in spans
    ):
        raise ShapeError(
            f"The window of {path!r} is [start, stop] for each of its axes, or null for all of "
            f"it; got {window!r}."
        )
    return tuple((start, stop) for start, stop in spans)
