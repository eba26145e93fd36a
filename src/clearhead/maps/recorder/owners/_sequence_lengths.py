"""The lengths of the sequences in a module's arguments, as far as shapes tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Lengths:
    """The sizes of one attention.

    Attributes:
        batch: the number of sequences, or of windows.
        query: the number of queries of each.
        key: the number of keys of each.
    """

    batch: int
    query: int
    key: int

    def of(self, x: Tensor) -> set[int]:
        """Return the possible lengths of a tensor's sequence, on one axis or several."""
        shape = x.shape
        if x.ndim == 2:
            return {shape[0]}
        if x.ndim == 3:
            # One of the first two axes is the batch, if only one of them can be.
            first, second = shape[:2]
            for is_batch in (self._is_batch, self._is_split):
                if is_batch(first) != is_batch(second):
                    return {second} if is_batch(first) else {first}
            return {first, second}
        # Images and videos: the positions are some consecutive axes after the batch.
        inner = shape[1:]
        rank = len(inner)
        places = [inner[i:j] for i in range(rank - 1) for j in range(i + 1, rank + 1)]
        return {math.prod(place) for place in places if len(place) < len(inner)}

    def _is_batch(self, size: int) -> bool:
        return size == self.batch

    def _is_split(self, size: int) -> bool:
        """Return whether a batch of this size may have been split, into windows or heads."""
        return size > 0 and self.batch % size == 0
