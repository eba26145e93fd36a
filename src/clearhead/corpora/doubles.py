"""Which pairs have come before, at eight bytes for each pair."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..shapes import Array


class SeenNumbers:
    """Numbers of 64 bits (uint64) that have come, in sorted arrays that grow by merging.

    Each array is at least twice as long as the next, so there are few to search, and each number
    is merged few times. Two of a million texts have the same number with a chance of 1 in 10^7.
    """

    def __init__(self) -> None:
        self._runs: list[Array] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, numbers: Iterable[int]) -> Array:
        """Add numbers, and tell of each whether it is new; of equal ones the first is."""
        values = np.fromiter(numbers, dtype=np.uint64)
        distinct, first = np.unique(values, return_index=True)
        is_new = np.zeros(len(values), dtype=np.bool_)
        is_new[first] = ~self._contains(distinct)
        self._merge(np.sort(values[is_new]))
        return is_new

    def _contains(self, values: Array) -> Array:
        contained = np.zeros(len(values), dtype=np.bool_)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, values), len(run) - 1)
            contained |= run[places] == values
        return contained

    def _merge(self, run: Array) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        self._runs.append(run)
