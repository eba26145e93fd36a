"""The protocols between search and models: log-probabilities of the next token.

Anything that implements them can be searched: the NumPy reference with its key-value cache, a
PyTorch model, an ensemble, or a table of probabilities in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..reference.tracing.watcher import Watcher
from ..shapes import Array, Float, Int

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
# The watcher of a pass, for the position of its only query; None where queries are rows.
Watch = Callable[[int | None], Watcher]


class Decoding(Protocol):
    """The state of one batch in decoding: the prefixes so far, one per row."""

    def advance(
        self, tokens: Int[Array, "rows"], parents: Int[Array, "rows"]
    ) -> Float[Array, "rows vocab"]:
        """Append one token to each prefix, and return the log-probabilities of the next.

        Row ``i`` of the new state is row ``parents[i]`` of the previous call with ``tokens[i]``
        appended; in the first call ``parents[i]`` is the number of a source. A row that is no
        parent is dropped, and one that is the parent of several rows is copied.

        Args:
            tokens: ids; in the first call the start token of each row.
            parents: row numbers of the previous call.

        Returns:
            log-probabilities in a fresh array, which the caller may change.

        Raises:
            ShapeError: a prefix would exceed the model's max_length, or there is no such parent or
                token.
        """
        ...


@runtime_checkable
class LogitsDecoding(Decoding, Protocol):
    """A `Decoding` that also returns logits.

    Some rules of generation change logits, for which log-probabilities are no substitute.
    """

    def advance_logits(
        self, tokens: Int[Array, "rows"], parents: Int[Array, "rows"]
    ) -> Float[Array, "rows vocab"]:
        """Do what `advance` does, and return the logits, in a fresh array."""
        ...


class Engine(Protocol):
    """A model that can be searched."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids: the width of what `Decoding.advance` returns."""
        ...

    def begin(self, sources: Sequence[Sequence[int]]) -> Decoding:
        """Encode a batch of sources (token ids, end token included) and begin to decode."""
        ...
