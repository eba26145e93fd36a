"""Looking into a computation, and intervening in it, by one mechanism.

Every function of the reference hands each of its intermediates to ``trace.step`` and goes on
with what comes back. `OFF` gives the value back and does nothing else. A `Trace` records it under
its path, and gives back either the value itself or what a replacement made of it:

    trace = Trace(replace={"weights": lambda weights: np.eye(len(weights))})
    output, weights = attention(query, key, value, trace=trace)
    trace["scores"].value               # one step
    trace.find("*scaled*")              # all that match a pattern
    print(trace)                        # a table

Paths and scopes. ``trace.at("decoder.layers.0")`` is the same trace with a prefix for the names
of its steps. The sources in ``of`` are names too, looked up like variables: in the scope of the
step first, then in the scopes around it. Patterns are those of a shell, over the whole path:
``*`` matches any characters, dots included.

One path, one value. A path that is visited twice is an error, because one of the two values
would be lost. What repeats gets a scope for each repetition: decoding records its n-th token in
``trace.at(f"step.{n}")``, and the pattern ``step.*.decoder.layers.0.*`` finds all repetitions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any

import numpy as np

from ...errors import TraceError
from .step import Step, table

Array = np.ndarray[Any, Any]
Replacement = Callable[[Array], Any]


class Off:
    """The trace that records nothing. There is one: `OFF`."""

    __slots__ = ()
    enabled = False

    def step(
        self,
        name: str,
        value: Array,
        formula: str = "",
        *,
        of: Iterable[str] = (),
        axes: Iterable[str] = (),
    ) -> Array:
        """Give ``value`` back."""
        return value

    def at(self, path: str) -> Off:
        """Give itself back."""
        return self

    def asks(self, name: str) -> bool:
        """Nothing is ever asked for."""
        return False

    def visited(self, name: str) -> bool:
        """Nothing is remembered."""
        return False

    def __repr__(self) -> str:
        return "OFF"


OFF = Off()


class _Record:
    """What all scopes of one trace share."""

    def __init__(self, keep: tuple[str, ...] | None, replace: dict[str, Replacement]) -> None:
        self.keep = keep
        self.replace = replace
        self.steps: dict[str, Step] = {}
        self.visited: dict[str, None] = {}  # in order
        self.used: set[str] = set()


class Trace:
    """The recorded steps of a computation, in the order in which they were computed.

    Args:
        keep: the pattern, or patterns, of the paths to record; None records every step but the
            costly ones, which are computed for a trace alone (attention's ``contributions``):
            those are recorded where a pattern matches them, such as ``"*"``. Steps that are not
            kept are computed and replaced all the same.
        replace: for a path or pattern, a function that is given a copy of the computed value and
            returns the one to go on with, of the same shape; it is cast to the same dtype. Where
            several match, they act one after the other, in the order given.

    Used as a context manager, a trace complains at the end of the block if a replacement matched
    no step at all, which is nearly always a misspelt path.
    """

    enabled = True

    def __init__(
        self,
        *,
        keep: str | Iterable[str] | None = None,
        replace: Mapping[str, Replacement] | None = None,
    ) -> None:
        if keep is not None:
            keep = (keep,) if isinstance(keep, str) else tuple(keep)
        self._record = _Record(keep, dict(replace or {}))
        self._scope = ""

    # Recording

    def at(self, path: str) -> Trace:
        """The same trace, in which names begin with ``path`` (after this scope's own prefix)."""
        scope = Trace.__new__(Trace)
        scope._record = self._record
        scope._scope = self._path(path)
        return scope

    def asks(self, name: str) -> bool:
        """Whether a costly step is to be computed: a ``keep`` or ``replace`` pattern matches it."""
        path = self._path(name)
        return any(
            fnmatchcase(path, pattern)
            for pattern in (*(self._record.keep or ()), *self._record.replace)
        )

    def visited(self, name: str) -> bool:
        """Whether this scope has had a step of that name, recorded or not."""
        return self._path(name) in self._record.visited

    def step(
        self,
        name: str,
        value: Array,
        formula: str = "",
        *,
        of: Iterable[str] = (),
        axes: Iterable[str] = (),
    ) -> Array:
        """Record an intermediate, and return the value to go on with.

        Args:
            name: the step's name in this scope.
            value: the computed array. A copy is recorded, so the caller may go on in place.
            formula: how it was computed.
            of: names of earlier steps, in this scope or one around it.
            axes: the name of each axis.

        Returns:
            ``value`` itself, or what the replacements made of it.

        Raises:
            TraceError: the path was visited before, a source in ``of`` was not, the axes do not
                fit the value, or a replacement returned another shape.
        """
        path, axes = self._path(name), tuple(axes)
        if path in self._record.visited:
            raise TraceError(
                f"The step {path!r} was visited twice. Use a new Trace for each run, and for what "
                f'repeats within one a scope for each repetition: trace.at("step.1").'
            )
        if axes and len(axes) != np.ndim(value):
            raise TraceError(
                f"The step {path!r} has the shape {np.shape(value)} and {len(axes)} names of axes: "
                f"{', '.join(axes)}. Name each axis once."
            )
        sources = tuple(self._source(path, source) for source in of)
        self._record.visited[path] = None
        result = self._replaced(path, value)
        if self._record.keep is None or any(fnmatchcase(path, p) for p in self._record.keep):
            recorded = np.array(result)
            recorded.flags.writeable = False
            replaced = result is not value
            self._record.steps[path] = Step(path, recorded, axes, formula, sources, replaced)
        return result

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name

    def _source(self, path: str, name: str) -> str:
        scope = self._scope
        while scope:
            if f"{scope}.{name}" in self._record.visited:
                return f"{scope}.{name}"
            scope = scope.rpartition(".")[0]
        if name in self._record.visited:
            return name
        raise TraceError(
            f"The step {path!r} says that it was computed from {name!r}, and there is no such "
            f"step before it in {self._scope or 'this trace'!r} or a scope around it."
            + _near(self._path(name), self._record.visited)
        )

    def _replaced(self, path: str, value: Array) -> Array:
        for pattern, function in self._record.replace.items():
            if not fnmatchcase(path, pattern):
                continue
            self._record.used.add(pattern)
            computed = np.asarray(value)
            made = function(computed.copy())
            if np.shape(made) != computed.shape or made is None:
                came = "None" if made is None else f"the shape {np.shape(made)}"
                raise TraceError(
                    f"The replacement {pattern!r} of {path!r} must return an array of the shape "
                    f"{computed.shape}; it returned {came}."
                )
            value = np.array(made, dtype=computed.dtype)
        return value

    # Reading

    @property
    def paths(self) -> list[str]:
        """The paths of all recorded steps, in order."""
        return list(self._record.steps)

    @property
    def unused(self) -> list[str]:
        """The replacements that have matched no step so far."""
        return [key for key in self._record.replace if key not in self._record.used]

    def __len__(self) -> int:
        return len(self._record.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._record.steps.values())

    def __contains__(self, path: object) -> bool:
        return path in self._record.steps

    def __getitem__(self, path: str) -> Step:
        """The step of a full path, or the only one that matches a pattern.

        Raises:
            TraceError: there is none (near ones are named), or there are several.
        """
        if path in self._record.steps:
            return self._record.steps[path]
        found = self.find(path)
        if len(found) > 1:
            raise TraceError(
                f"{len(found)} steps match {path!r}, and one was asked for: "
                f"{_listed([step.path for step in found])}. find(pattern) gives them all."
            )
        return found[0]

    def find(self, pattern: str) -> list[Step]:
        """All steps whose full path matches a pattern, in order; TraceError if there are none."""
        found = [step for step in self if fnmatchcase(step.path, pattern)]
        if not found:
            dropped = " It was computed, but keep= left it out." * (pattern in self._record.visited)
            raise TraceError(
                f"No recorded step is called {pattern!r}.{dropped or _near(pattern, self.paths)}"
            )
        return found

    def table(self, pattern: str = "*") -> str:
        """The steps that match a pattern as lines of text: path, shape, axes, formula."""
        return table(step for step in self if fnmatchcase(step.path, pattern))

    def __repr__(self) -> str:
        shown = 60
        lines = [f"Trace of {len(self)} steps", table([*self][:shown])]
        if len(self) > shown:
            lines.append(f"… and {len(self) - shown} more; table(pattern) shows those that match")
        if self.unused:
            lines.append(f"replacements that matched no step: {', '.join(self.unused)}")
        return "\n".join(line for line in lines if line)

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and self.unused:
            raise TraceError(
                f"No step matched the replacement {self.unused[0]!r}, so nothing was replaced."
                + _near(self.unused[0], self._record.visited)
            )

    # Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all steps to one safetensors file; the rest about them is JSON in its header."""
        from .trace_file import write_steps

        write_steps(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """The trace that `save` wrote; TraceError if the file is missing, foreign or damaged."""
        from .trace_file import read_steps

        trace = cls()
        trace._record.steps = {step.path: step for step in read_steps(path)}
        trace._record.visited = dict.fromkeys(trace._record.steps)
        return trace


def _near(path: str, known: Iterable[str]) -> str:
    """A sentence that names steps like the one asked for."""
    import difflib  # only errors need it, and it would take half of this module's loading time

    known = list(known)
    if not known:
        return " Nothing has been recorded."
    name = path.rpartition(".")[2]
    namesakes = [other for other in known if other.rpartition(".")[2] == name]
    near = difflib.get_close_matches(path, known, n=5, cutoff=0.6) or namesakes or known
    return f" There are, for example: {_listed(near)}."


def _listed(paths: list[str], most: int = 5) -> str:
    return ", ".join(paths[:most]) + (", …" if len(paths) > most else "")
