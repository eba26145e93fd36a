"""The interface of objects that watch or change a computation: a trace, or an editor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ...shapes import Array
from .step_kind import StepKind


class Watcher(Protocol):
    """Sees each intermediate of a forward pass by name, and returns the value to continue with.

    `clearhead.reference.tracing.trace.Trace` records and replaces; `OFF` does neither. Each layer
    passes `at` of a sublayer's path to that sublayer, so that names are relative.
    """

    @property
    def enabled(self) -> bool:
        """Whether anyone watches; if not, steps computed only for watchers are skipped."""
        ...

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Record an intermediate, and return the value to continue with.

        Args:
            kind: the declaration of the step, which has its name in this scope.
            value: the computed array. To keep it, copy it: the caller may overwrite it.
            of: names of the steps that it was computed from, in this scope or one around it; if
                empty, those of ``kind``.

        Returns:
            ``value`` itself, or another array of its shape and dtype.
        """
        ...

    def at(self, path: str) -> Watcher:
        """Return the watcher for a path relative to this one's."""
        ...

    def asks(self, name: str) -> bool:
        """Return whether a costly step, needed only by watchers, is to be computed."""
        ...

    def visited(self, name: str) -> bool:
        """Return whether this scope has already had a step with this name."""
        ...
