"""Access to a collection of maps: a recording, or a dictionary of maps by name."""

from __future__ import annotations

from typing import Any


def calls_of(maps: Any, name: str) -> list[Any]:
    """Return the maps of a name: one for each call in a recording, one in a dictionary."""
    return list(maps.calls(name)) if hasattr(maps, "calls") else [maps[name]]


def names_in(maps: Any) -> str:
    """Return the names of all maps, for the message of an error."""
    return ", ".join(maps.keys()) or "none"
