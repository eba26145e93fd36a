"""A model with edits, as an engine that search can ask: with its key-value cache, and fast.

A `Trace` refuses a path that is visited twice, and records; decoding visits each path at every
step, and records nothing. `Replacing` stands where a trace stands and only replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError, TraceError
from ...reference.cache import KeyValueCache
from ...reference.multi_head import Memory
from ...reference.tracing.trace import OFF, Off, Trace
from ...reference.transformer import Encoded, Transformer
from ..contract.edits import Changes
from ..stopping import check

Array = np.ndarray[Any, Any]


class Replacing(Off):
    """Replaces steps on their way, and records nothing.

    Args:
        changes: for the path of a step, what is done to it.
        position: where all queries stand, in a step of decoding; None in a whole pass.
    """

    __slots__ = ("_changes", "_position", "_scope")

    def __init__(self, changes: Changes, position: int | None = None, scope: str = "") -> None:
        self._changes, self._position, self._scope = changes, position, scope

    def step(
        self,
        name: str,
        value: Array,
        formula: str = "",
        *,
        of: Iterable[str] = (),
        axes: Iterable[str] = (),
    ) -> Array:
        """``value``, or what the changes of this path made of it, in place."""
        for change in self._changes.get(self._path(name), ()):
            value = change(value, self._position)
        return value

    def at(self, path: str) -> Off:
        """The same changes deeper down; `OFF` where there are none."""
        scope = self._path(path)
        if any(changed.startswith(f"{scope}.") for changed in self._changes):
            return Replacing(self._changes, self._position, scope)
        return OFF

    def _path(self, name: str) -> str:
        return f"{self._scope}.{name}" if self._scope else name

    def __repr__(self) -> str:
        return f"Replacing({', '.join(self._changes)})"


def replacements(changes: Changes) -> dict[str, Callable[[Array], Array]]:
    """The same changes as a `Trace` takes them, for a pass over a whole translation."""

    def replacement(path: str) -> Callable[[Array], Array]:
        def replace(value: Array) -> Array:
            for change in changes[path]:
                value = change(value, None)
            return value

        return replace

    return {path: replacement(path) for path in changes}


class EditedTransformer(Transformer):
    """A model whose steps are changed wherever it runs: in a forward pass and in decoding.

    Args:
        model: the model itself, whose layers and weights are shared, never copied.
        changes: for the path of each changed step what is done to it, as `changes_of` gives.
    """

    def __init__(self, model: Transformer, changes: Changes) -> None:
        self.__dict__.update(vars(model))
        self._changes = changes

    def encode(self, source_ids: Array, *, trace: Trace | Off = OFF) -> Encoded:
        """`Transformer.encode`, edited; it takes no trace of its own."""
        return super().encode(source_ids, trace=self._replacing(trace))

    def memories(self, encoded: Encoded, *, trace: Trace | Off = OFF) -> list[list[Memory]]:
        """`Transformer.memories`, edited."""
        return super().memories(encoded, trace=self._replacing(trace))

    def decode(
        self,
        target_ids: Array,
        encoded: Encoded | None = None,
        *,
        memories: Sequence[Sequence[Memory]] | None = None,
        cache: KeyValueCache | None = None,
        trace: Trace | Off = OFF,
    ) -> Array:
        """`Transformer.decode`, edited: with a cache, at the position of the new tokens."""
        check()
        position = None if cache is None else cache.length
        if cache is not None and np.shape(target_ids)[1] != 1:
            raise ShapeError(
                f"An edited model decodes one position at a time with its cache; "
                f"{np.shape(target_ids)[1]} came."
            )
        replacing = self._replacing(trace, position)
        return super().decode(target_ids, encoded, memories=memories, cache=cache, trace=replacing)

    def logits(self, hidden: Array, *, trace: Trace | Off = OFF) -> Array:
        """`Transformer.logits`, edited."""
        return super().logits(hidden, trace=self._replacing(trace))

    def begin(self, sources: Sequence[Sequence[int]]) -> Any:
        """`Transformer.begin` of one source.

        Raises:
            ShapeError: there are several. Sources of different lengths share one call of
                attention among them, which no trace can follow.
        """
        if len(sources) != 1:
            raise ShapeError(
                f"An edited model decodes one source at a time; {len(sources)} came. Begin each "
                f"by itself."
            )
        return super().begin(sources)

    def _replacing(self, trace: Trace | Off, position: int | None = None) -> Off:
        if isinstance(trace, Trace):
            raise TraceError(
                "An edited model replaces steps by itself and takes no Trace. Trace the model "
                "without edits with Trace(replace=replacements(changes))."
            )
        # Calls inside of forward hand on what was made here.
        return trace if isinstance(trace, Replacing) else Replacing(self._changes, position)
