"""The record shared by all scopes of one trace, and the wording of its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ...errors import TraceError
from ...shapes import Array
from .step import Step

Replacement = Callable[[Array], Any]


class Record:
    """The visited paths of a trace, and the patterns of steps to record and to replace.

    Args:
        keep: the patterns of the paths to record; None for all.
        replace: for a path or pattern, the function that replaces a step's value.
    """

    def __init__(self, keep: tuple[str, ...] | None, replace: dict[str, Replacement]) -> None:
        self.keep = keep
        self.replace = replace
        self.steps: dict[str, Step] = {}
        self.visited: dict[str, None] = {}  # in order
        self.matching: set[str] = set()  # the keys of `replace` that have matched a step

    def keeps(self, path: str) -> bool:
        """Return whether a step with this path is recorded."""
        return self.keep is None or any(fnmatchcase(path, pattern) for pattern in self.keep)

    def asks(self, path: str) -> bool:
        """Return whether a ``keep`` or ``replace`` pattern matches this path."""
        return any(fnmatchcase(path, pattern) for pattern in (*(self.keep or ()), *self.replace))

    def source(self, path: str, scope: str, name: str) -> str:
        """Return the path of an earlier step that ``path`` was computed from.

        Args:
            path: of the step that names its source.
            scope: the scope in which the search begins; it continues in the scopes around it.
            name: the source's name in one of these scopes.

        Raises:
            TraceError: there is no such step.
        """
        around = scope
        while around:
            if f"{around}.{name}" in self.visited:
                return f"{around}.{name}"
            around = around.rpartition(".")[0]
        if name in self.visited:
            return name
        raise TraceError(
            f"The step {path!r} says that it was computed from {name!r}, and there is no such "
            f"step before it in {scope or 'this trace'!r} or a scope around it."
            + suggestion(f"{scope}.{name}" if scope else name, self.visited)
        )

    def replacement(self, path: str, value: Array) -> Array:
        """Return a step's value after all replacements that match its path.

        Raises:
            TraceError: one of them returned another shape.
        """
        for pattern, function in self.replace.items():
            if not fnmatchcase(path, pattern):
                continue
            self.matching.add(pattern)
            before = np.asarray(value)
            result = function(before.copy())
            if np.shape(result) != before.shape or result is None:
                came = "None" if result is None else f"the shape {np.shape(result)}"
                raise TraceError(
                    f"The replacement {pattern!r} of {path!r} must return an array of the shape "
                    f"{before.shape}; it returned {came}."
                )
            value = np.array(result, dtype=before.dtype)
        return value


def suggestion(path: str, paths: Iterable[str]) -> str:
    """Return a sentence that suggests the paths most similar to a missing one."""
    import difflib  # used only for errors, and half of this module's loading time

    paths = list(paths)
    if not paths:
        return " Nothing has been recorded."
    name = path.rpartition(".")[2]
    namesakes = [other for other in paths if other.rpartition(".")[2] == name]
    near = difflib.get_close_matches(path, paths, n=5, cutoff=0.6) or namesakes or paths
    return f" There are, for example: {enumeration(near)}."


def enumeration(paths: list[str], most: int = 5) -> str:
    """Return paths separated by commas; only the first few if there are many."""
    return ", ".join(paths[:most]) + (", …" if len(paths) > most else "")
