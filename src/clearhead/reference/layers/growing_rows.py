"""Tables with a row for each position, computed as far as needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...shapes import Array, Float

_FIRST = 64


class GrowingRows:
    """A table that grows when later positions are requested.

    A model may allow a million positions; a text of ten tokens needs only the first 64.

    Args:
        compute: returns a number of rows from a start on.
    """

    def __init__(self, compute: Callable[[int, int], Float[Array, "length _"]]) -> None:
        self._compute = compute
        self._rows = compute(0, _FIRST)

    def __call__(self, start: int, length: int) -> Float[Array, "length _"]:
        """Return a view of ``length`` rows from ``start`` on."""
        rows, end = self._rows, start + length
        if end > len(rows):
            more = self._compute(len(rows), max(end, 2 * len(rows)) - len(rows))
            # One assignment: another thread sees the old table or the new.
            self._rows = rows = np.concatenate((rows, more))
        return rows[start:end]
