"""The mechanism for looking into a computation and for intervening in it.

Every function of the reference passes each of its intermediates to the trace and continues with the
result: to ``trace.record``, with a kind of step that `clearhead.reference.tracing.steps` declares.
Your own functions can use ``trace.step``, with any name and formula. `OFF` only returns the value.
A `Trace` records it under its path, and returns either the value itself or the result of a
replacement:

    trace = Trace(replace={"weights": lambda weights: np.eye(len(weights))})
    output, weights = attention(query, key, value, trace=trace)
    trace["scores"].value               # one step
    trace.find("*scaled*")              # all steps that match a pattern
    print(trace)                        # a table

Paths and scopes. ``trace.at("decoder.layers.0")`` is the same trace with a prefix for the names
of its steps. The sources in ``of`` are names too, looked up like variables: first in the step's
scope, then in the scopes around it. Patterns are shell patterns over the whole path: ``*``
matches any characters, dots included.

One path, one value. Visiting a path twice is an error, because one of the two values would be
lost. Repetitions get a scope each: decoding records its n-th token in ``trace.at(f"step.{n}")``,
and the pattern ``step.*.decoder.layers.0.*`` finds all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from types import TracebackType

import numpy as np

from ...errors import TraceError
from ...shapes import Array
from .record import Record, Replacement, enumeration, suggestion
from .step import Step, table
from .step_kind import StepKind


class Off:
    """The trace that records nothing; its only instance is `OFF`."""

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
        """Return ``value``."""
        return value

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Return ``value``."""
        return value

    def at(self, path: str) -> Off:
        """Return itself."""
        return self

    def asks(self, name: str) -> bool:
        """Return False: no step is requested."""
        return False

    def visited(self, name: str) -> bool:
        """Return False: no step is remembered."""
        return False

    def __repr__(self) -> str:
        return "OFF"


OFF = Off()


class Trace:
    """The recorded steps of a computation, in the order in which they were computed.

    Args:
        keep: the pattern, or patterns, of the paths to record. None records every step except
            costly ones that are computed only for a trace (attention's ``contributions``): those
            are recorded if a pattern such as ``"*"`` matches them. Steps that are not kept are
            still computed and replaced.
        replace: for a path or pattern, a function that takes a copy of the computed value and
            returns the value to continue with, of the same shape; it is cast to the same dtype. If
            several match, they are applied one after another, in the order given.

    Used as a context manager, a trace raises an error at the end of the block if a replacement
    matched no step at all, which is nearly always due to a misspelt path.
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
        self._record = Record(keep, dict(replace or {}))
        self._scope = ""

    # Recording

    def at(self, path: str) -> Trace:
        """Return this trace with ``path`` appended to its prefix for names."""
        scope = Trace.__new__(Trace)
        scope._record = self._record
        scope._scope = self._path(path)
        return scope

    def asks(self, name: str) -> bool:
        """Return whether a ``keep`` or ``replace`` pattern requests a costly step."""
        return self._record.asks(self._path(name))

    def visited(self, name: str) -> bool:
        """Return whether this scope has already had a step with this name, recorded or not."""
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
        """Record an intermediate, and return the value to continue with.

        Args:
            name: the step's name in this scope.
            value: the computed array. A copy is recorded, so the caller may overwrite it.
            formula: how it was computed.
            of: names of earlier steps, in this scope or one around it.
            axes: the name of each axis.

        Returns:
            ``value`` itself, or the result of the replacements.

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
        sources = tuple(self._record.source(path, self._scope, source) for source in of)
        self._record.visited[path] = None
        result = self._record.replacement(path, value)
        if self._record.keeps(path):
            copy = np.array(result)
            copy.flags.writeable = False
            step = Step(path, copy, axes, formula, sources, replaced=result is not value)
            self._record.steps[path] = step
        return result

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Record a step that `clearhead.reference.tracing.steps` declares.

        Args:
            kind: gives the step's name, formula and axes.
            value: the computed array, as in `step`.
            of: names of earlier steps, if the kind does not name its sources.

        Returns:
            ``value`` itself, or the result of the replacements.
        """
        sources = tuple(of) or kind.of
        axes = kind.axes_of(np.ndim(value))
        return self.step(kind.name, value, kind.formula, of=sources, axes=axes)

    def mark_replaced(self, name: str) -> None:
        """Note that a step in this scope was changed before it was recorded."""
        path = self._path(name)
        if path in self._record.steps:
            self._record.steps[path] = replace(self._record.steps[path], replaced=True)

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name

    # Reading

    @property
    def paths(self) -> list[str]:
        """The paths of all recorded steps, in order."""
        return list(self._record.steps)

    @property
    def unused(self) -> list[str]:
        """The replacements that have matched no step so far."""
        return [key for key in self._record.replace if key not in self._record.matching]

    def __len__(self) -> int:
        return len(self._record.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._record.steps.values())

    def __contains__(self, path: object) -> bool:
        return path in self._record.steps

    def __getitem__(self, path: str) -> Step:
        """Return the step of a full path, or the only one that matches a pattern.

        Raises:
            TraceError: no step matches (the error names similar paths), or several do.
        """
        if path in self._record.steps:
            return self._record.steps[path]
        matches = self.find(path)
        if len(matches) > 1:
            raise TraceError(
                f"{len(matches)} steps match {path!r}, and one was asked for: "
                f"{enumeration([step.path for step in matches])}. find(pattern) gives them all."
            )
        return matches[0]

    def find(self, pattern: str) -> list[Step]:
        """Return all steps whose full path matches a pattern, in order.

        Raises:
            TraceError: no step matches (the error names similar paths).
        """
        matches = [step for step in self if fnmatchcase(step.path, pattern)]
        if not matches:
            omitted = " It was computed, but keep= left it out." * (pattern in self._record.visited)
            raise TraceError(
                f"No recorded step is called {pattern!r}."
                f"{omitted or suggestion(pattern, self.paths)}"
            )
        return matches

    def table(self, pattern: str = "*") -> str:
        """Return the steps that match a pattern as aligned text: path, shape, axes, formula."""
        return table(step for step in self if fnmatchcase(step.path, pattern))

    def __repr__(self) -> str:
        most = 60
        lines = [f"Trace of {len(self)} steps", table([*self][:most])]
        if len(self) > most:
            lines.append(f"… and {len(self) - most} more; table(pattern) shows those that match")
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
                + suggestion(self.unused[0], self._record.visited)
            )

    # Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all steps to one safetensors file, with everything but the values as JSON."""
        from .trace_file import write_steps

        write_steps(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Return the trace that `save` wrote; TraceError if it is missing, damaged or no trace."""
        from .trace_file import read_steps

        trace = cls()
        trace._record.steps = {step.path: step for step in read_steps(path)}
        trace._record.visited = dict.fromkeys(trace._record.steps)
        return trace
