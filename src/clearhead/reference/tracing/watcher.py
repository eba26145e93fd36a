"""What may watch a computation, and change it on its way: a trace, or an editor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ...shapes import Array
from .step_kind import StepKind


class Watcher(Protocol):
    """Sees each intermediate of a forward pass by its name, and returns the one to go on with.

    `clearhead.reference.tracing.trace.Trace` records and replaces, `OFF` does neither. Each layer
    hands its sublayers `at` of their path, so that names are relative.
    """

    @property
    def enabled(self) -> bool:
        """Whether anybody watches: otherwise what is computed for watchers alone is left out."""
        ...

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Take note of an intermediate, and return the value to go on with.

        Args:
            kind: the declaration of the step, which has its name in this scope.
            value: the computed array. Who keeps it copies it: the caller may go on in place.
            of: names of the steps that it was computed from, in this scope or one around it;
                where there are none, those of ``kind``.

        Returns:
            ``value`` itself, or an array of its shape and dtype in its place.
        """
        ...

    def at(self, path: str) -> Watcher:
        """Return the watcher for what lies at a path, relative to this one's."""
        ...

    def asks(self, name: str) -> bool:
        """Whether a costly step, which is computed for watchers alone, is to be computed."""
        ...

    def visited(self, name: str) -> bool:
        """Whether this scope has had a step of that name."""
        ...
