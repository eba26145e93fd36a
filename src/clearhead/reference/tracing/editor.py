"""A watcher that changes steps, for passes that visit a path many times.

A `Trace` refuses a path that is visited twice, and records; decoding visits each path at every
step, and records nothing. `Editor` stands where a trace stands and changes values; what watches
beside it sees the changed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ...shapes import Array
from .step_kind import StepKind
from .trace import OFF, Trace
from .watcher import Watcher

# (value, position) -> value: ``position`` is where all queries stand in a step of decoding, and
# None where queries are the rows of the array. The array may be worked on in place.
Change = Callable[[Array, int | None], Array]
Changes = Mapping[str, Sequence[Change]]

_INPUTS = ("query", "key", "value")


class Editor:
    """A watcher that changes steps; see `clearhead.reference.tracing.watcher`.

    Args:
        changes: for the path of a step, what is done to it.
        position: where all queries stand, in a step of decoding; None in a whole pass.
        watcher: sees every step as it was changed.
    """

    enabled = True

    def __init__(
        self, changes: Changes, position: int | None = None, *, watcher: Watcher = OFF
    ) -> None:
        self._changes, self._position, self._watcher = changes, position, watcher
        self._scope = ""
        self._visited: set[str] = set()

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Return ``value``, or what the changes of this path make of it, in place."""
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
        """Return the editor of a deeper scope; what watches there if nothing would be changed."""
        scope, watcher = self._path(path), self._watcher.at(path)
        if not any(changed_path.startswith(f"{scope}.") for changed_path in self._changes):
            return watcher
        editor = Editor(self._changes, self._position, watcher=watcher)
        editor._scope, editor._visited = scope, self._visited
        return editor

    def asks(self, name: str) -> bool:
        """Whether a costly step of this name is changed, or asked for by what watches."""
        return self._path(name) in self._changes or self._watcher.asks(name)

    def visited(self, name: str) -> bool:
        """Whether a step was offered where it was made, so that it is not to be changed again.

        Keys and values of self-attention are offered once: where they are made, or, with a cache,
        where those of all positions are joined. Those of cross-attention are made beforehand.
        """
        if self._watcher.enabled:
            return self._watcher.visited(name)
        made_before = name in _INPUTS and not self._scope.endswith("self_attention")
        return made_before or self._path(name) in self._visited

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name

    def __repr__(self) -> str:
        return f"Editor({', '.join(self._changes)})"
