"""A model with edits: an editor watches the same layers, in a forward pass and in decoding."""

from __future__ import annotations

from collections.abc import Callable

from ...engine.reference_engine import ReferenceEngine
from ...reference.tracing.editor import Changes, Editor
from ...reference.tracing.watcher import Watcher
from ...shapes import Array
from ..contract.stopping import check

__all__ = ["Editor", "edited_engine", "replacements"]


def edited_engine(engine: ReferenceEngine, changes: Changes) -> ReferenceEngine:
    """Return an engine of the same model in which an editor changes steps.

    Args:
        engine: the original engine; its layers and weights are shared, never copied.
        changes: the change of each step, by path, as `changes_of` returns them.
    """

    def watch(position: int | None) -> Watcher:
        check()
        return Editor(changes, position)

    return ReferenceEngine(engine.model, watch=watch)


def replacements(changes: Changes) -> dict[str, Callable[[Array], Array]]:
    """Return the same changes in the form that a `Trace` takes, for a pass over a whole text."""

    def replacement(path: str) -> Callable[[Array], Array]:
        def replace(value: Array) -> Array:
            for change in changes[path]:
                value = change(value, None)
            return value

        return replace

    return {path: replacement(path) for path in changes}
