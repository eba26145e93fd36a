"""A watcher of a pass that changes steps, outlines each one, and keeps some with their numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ...reference.tracing.record import Record
from ...reference.tracing.step import Step
from ...reference.tracing.step_kind import StepKind
from ...shapes import Array
from ..contract.base_edit import Changes

OUTPUT = "output"  # the scope after the layers


class StepRecorder:
    """A watcher that applies edits to steps, outlines each step, and keeps some.

    Args:
        changes: the change of a step, by its path.
        record: the record of visited paths.
        steps: receives the steps that are kept.
        outline: receives every step, without its numbers.
        empty_rows: receives the attentions in which some query may attend to no key.
        beginning: the prefix of paths to keep; None keeps steps outside layers, and layers' inputs.
    """

    enabled = True

    def __init__(
        self,
        changes: Changes,
        record: Record,
        steps: dict[str, Step],
        outline: dict[str, Step],
        empty_rows: set[str],
        beginning: str | None = None,
    ) -> None:
        self._empty_rows = empty_rows
        self._changes, self._record = changes, record
        self._steps, self._outline, self._beginning = steps, outline, beginning
        self._scope = ""

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Record a step, and return its value after edits."""
        path = self._path(kind.name)
        sources = tuple(
            self._record.source(path, self._scope, name) for name in tuple(of) or kind.of
        )
        self._record.visited[path] = None
        for change in self._changes.get(path, ()):
            value = change(value, None)
        if kind.name == "masked" and np.isneginf(value.max(axis=-1)).any():
            self._empty_rows.add(self._scope)
        axes = kind.axes_of(np.ndim(value))
        step = Step(path, value, axes, kind.formula, sources, replaced=path in self._changes)
        self._outline.setdefault(path, _without_numbers(step))
        if self._keeps(path):
            numbers = np.array(value)
            numbers.flags.writeable = False
            self._steps[path] = replace(step, value=numbers)
        return value

    def _keeps(self, path: str) -> bool:
        if self._beginning == OUTPUT:
            return not path.startswith(("encoder.", "decoder."))
        if self._beginning is not None:
            return path.startswith(self._beginning)
        return ".layers." not in path or path.endswith(".input")

    def at(self, path: str) -> StepRecorder:
        """Return the recorder of a deeper scope."""
        deeper = copy.copy(self)
        deeper._scope = self._path(path)
        return deeper

    def asks(self, name: str) -> bool:
        """Return whether edits change a costly step with this name."""
        return self._path(name) in self._changes

    def visited(self, name: str) -> bool:
        """Return whether this scope has already had a step with this name."""
        return self._path(name) in self._record.visited

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name


def _without_numbers(step: Step) -> Step:
    """Return a step whose value has a shape but takes no memory."""
    return replace(step, value=np.broadcast_to(np.float64(0), np.shape(step.value)))
