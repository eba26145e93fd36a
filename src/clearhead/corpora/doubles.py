"""Detects repeated pairs with eight bytes of memory for each pair."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..shapes import Array


class SeenNumbers:
    """A set of 64-bit numbers (uint64), in sorted arrays that grow by merging.

    Each array is at least twice as long as the next, so there are few arrays to search, and each
    number is merged only a few times. Among a million texts, two have the same number with a
    probability of about 1 in 10^7.
    """

    def __init__(self) -> None:
        self._runs: list[Array] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, numbers: Iterable[int]) -> Array:
        """Add numbers, and return whether each was new; of equal ones only the first is."""
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
