"""A model with edits: the same layers, watched by an editor, in a forward pass and in decoding.

A `Trace` refuses a path that is visited twice, and records; decoding visits each path at every
step, and records nothing. `Editor` stands where a trace stands and only changes values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...engine.reference_engine import ReferenceEngine
from ...reference.tracing.step_kind import StepKind
from ...reference.tracing.trace import OFF
from ...reference.tracing.watcher import Watcher
from ...shapes import Array
from ..contract.base_edit import Changes
from ..contract.stopping import check


class Editor:
    """A watcher that changes steps and records nothing; see `clearhead.reference.tracing.watcher`.

    Args:
        changes: for the path of a step, what is done to it.
        position: where all queries stand, in a step of decoding; None in a whole pass.
    """

    enabled = True

    def __init__(self, changes: Changes, position: int | None = None) -> None:
        self._changes, self._position = changes, position
        self._scope = ""

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Return ``value``, or what the changes of this path make of it, in place."""
        for change in self._changes.get(self._path(kind.name), ()):
            value = change(value, self._position)
        return value

    def at(self, path: str) -> Watcher:
        """Return the editor of a deeper scope; `OFF` where it would change nothing."""
        scope = self._path(path)
        if not any(changed_path.startswith(f"{scope}.") for changed_path in self._changes):
            return OFF
        editor = Editor(self._changes, self._position)
        editor._scope = scope
        return editor

    def asks(self, name: str) -> bool:
        """Whether a costly step of this name is changed."""
        return self._path(name) in self._changes

    def visited(self, name: str) -> bool:
        """Return True: what was changed where it was made is not offered to be changed again."""
        return True

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name

    def __repr__(self) -> str:
        return f"Editor({', '.join(self._changes)})"


def edited_engine(engine: ReferenceEngine, changes: Changes) -> ReferenceEngine:
    """Return an engine of the same model in which an editor makes changes at every step.

    Args:
        engine: whose model decodes; its layers and weights are shared, never copied.
        changes: for the path of each step what is done to it, as `changes_of` gives.
    """

    def watch(position: int | None) -> Watcher:
        check()
        return Editor(changes, position)

    return ReferenceEngine(engine.model, watch=watch)


def replacements(changes: Changes) -> dict[str, Callable[[Array], Array]]:
    """The same changes as a `Trace` takes them, for a pass over a whole translation."""

    def replacement(path: str) -> Callable[[Array], Array]:
        def replace(value: Array) -> Array:
            for change in changes[path]:
                value = change(value, None)
            return value

        return replace

    return {path: replacement(path) for path in changes}
