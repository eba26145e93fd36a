"""A watcher that changes steps, in passes that may visit a path many times.

A `Trace` records steps, and refuses a path that is visited twice. Decoding visits each path at
every step, and needs no record. An `Editor` takes the place of a trace and changes values; a
further watcher sees the changed values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ...shapes import Array
from .step_kind import StepKind
from .trace import OFF, Trace
from .watcher import Watcher

# (value, position) -> value: ``position`` is the position of all queries in a step of decoding;
# None means that each row of the array is a query. The array may be changed in place.
Change = Callable[[Array, int | None], Array]
Changes = Mapping[str, Sequence[Change]]

_INPUTS = ("query", "key", "value")


class Editor:
    """A watcher that changes steps; see `clearhead.reference.tracing.watcher`.

    Args:
        changes: the changes of each step, by path.
        position: the position of all queries in a step of decoding; None in a whole pass.
        watcher: sees every step after its changes.
    """

    enabled = True

    def __init__(
        self, changes: Changes, position: int | None = None, *, watcher: Watcher = OFF
    ) -> None:
        self._changes, self._position, self._watcher = changes, position, watcher
        self._scope = ""
        self._visited: set[str] = set()

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Return ``value`` after the changes of this path, which may act in place."""
        path = self._path(kind.name)
        self._visited.add(path)
        result = value
        for change in self._changes.get(path, ()):
            result = change(result, self._position)
        output = self._watcher.record(kind, result, of=of)
        if result is not value and isinstance(self._watcher, Trace):
            self._watcher.mark_replaced(kind.name)
        return output

    def at(self, path: str) -> Watcher:
        """Return the editor of a deeper scope; the further watcher if no change applies there."""
        scope, watcher = self._path(path), self._watcher.at(path)
        if not any(changed_path.startswith(f"{scope}.") for changed_path in self._changes):
            return watcher
        editor = Editor(self._changes, self._position, watcher=watcher)
        editor._scope, editor._visited = scope, self._visited
        return editor

    def asks(self, name: str) -> bool:
        """Return whether a costly step is changed, or requested by the further watcher."""
        return self._path(name) in self._changes or self._watcher.asks(name)

    def visited(self, name: str) -> bool:
        """Return whether a step was already changed where it was computed.

        Keys and values of self-attention are offered once: where they are computed, or, with a
        cache, where all positions are joined. Those of cross-attention are computed beforehand.
        """
        if self._watcher.enabled:
            return self._watcher.visited(name)
        made_before = name in _INPUTS and not self._scope.endswith("self_attention")
        return made_before or self._path(name) in self._visited

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name

    def __repr__(self) -> str:
        return f"Editor({', '.join(self._changes)})"
