"""Rows of recorded modules and their pictures, cached."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from ..contract.first_screen.head_kinds import MeasuredHead
from ..passes.run_cache import RunCache
from .bounds import check_passes, picture_work
from .head_kinds import measure_heads
from .modules import Labels, Module
from .picture import Picture, picture, together

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap

MOST_ROWS = 1024
PICTURES = 64 * 1024**2  # bytes
PIECE = 2 * 10**10  # multiply-adds for a piece of a picture: about a second
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LatestValues(Generic[Key, Value]):
    """A thread-safe cache of the latest values; the oldest is dropped first."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most, self._lock = most, threading.Lock()
        self._values: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """Return the value, or None if it was dropped."""
        with self._lock:
            return self._values.get(key)

    def store(self, key: Key, value: Value) -> Value:
        """Store and return a value; if another thread stored one first, return that."""
        with self._lock:
            if key not in self._values and len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            return self._values.setdefault(key, value)


class Rows:
    """Single rows of each module, as maps of their own, and their pictures.

    Args:
        draw: makes a picture of a map, for a block size.
    """

    def __init__(self, draw: Callable[[AttentionMap, tuple[int, int]], Picture] = picture) -> None:
        self._draw = draw
        self._maps: LatestValues[tuple[str, int], AttentionMap] = LatestValues()
        self._pictures: RunCache[tuple[str, int, tuple[int, int], int], Picture]
        self._pictures = RunCache(PICTURES)
        self._heads: LatestValues[tuple[str, int], list[MeasuredHead]] = LatestValues()

    def map_of(self, module: Module, row: int) -> AttentionMap:
        """Return a module's map of one row, which caches its log-sum-exp."""
        from ...maps.one_row import one_row

        place = (module.path, row)
        return self._maps.get(place) or self._maps.store(place, one_row(module.map, row))

    def pictures(self, layers: list[Module], row: int, block: tuple[int, int]) -> list[Picture]:
        """Return the pictures of some layers.

        Finished pictures are kept when the question is cancelled, so that asking again continues
        from there. A picture that two questions need at once is drawn once.

        Raises:
            ShapeError: the missing ones would take too long, or too much memory.
            QuestionCancelled: the question was cancelled.
        """
        pieces = [self._pieces(module, row) for module in layers]
        places = [(module.path, row, block) for module in layers]
        missing = [
            one
            for place, ones in zip(places, pieces, strict=True)
            for number, one in enumerate(ones)
            if (*place, number) not in self._pictures
        ]
        check_passes(layers, missing, f"The pictures of {layers[0].part!r}")
        return [
            together(
                [
                    self._pictures.get((*place, number), partial(self._draw, one, block))
                    for number, one in enumerate(ones)
                ]
            )
            for place, ones in zip(places, pieces, strict=True)
        ]

    def heads(
        self, layers: list[Module], row: int, labels: Labels | None = None
    ) -> list[list[MeasuredHead]]:
        """Return the kind of each head of some layers.

        Args:
            layers: the modules.
            row: of the batch.
            labels: the tokens of keys; None for those of the recording.

        Raises:
            ShapeError: the missing ones would take too long, or too much memory.
            QuestionCancelled: the question was cancelled.
        """
        missing = [
            self.map_of(module, row)
            for module in layers
            if self._heads.get((module.path, row)) is None
        ]
        what = f"The kinds of the heads of {layers[0].part!r}"
        check_passes(layers, missing, what, method="measure")
        return [self._heads_of(module, row, labels or Labels()) for module in layers]

    def _heads_of(self, module: Module, row: int, labels: Labels) -> list[MeasuredHead]:
        place = (module.path, row)
        heads = self._heads.get(place)
        if heads is not None:
            return heads
        tokens = labels.names(module, "key", row)
        cross = module.kind == "cross"
        return self._heads.store(
            place, measure_heads(self.map_of(module, row), cross=cross, tokens=tokens)
        )

    def _pieces(self, module: Module, row: int) -> list[AttentionMap]:
        """Split a row of a module by heads if it takes long.

        So a cancelled question leaves finished pieces for the next one.
        """
        from ...maps.one_row import one_row

        whole = self.map_of(module, row)
        heads = whole.key.shape[1]
        each = max(PIECE * heads // picture_work(whole), 1)
        if each >= heads:
            return [whole]
        return [
            one_row(whole, 0, (first, min(first + each, heads))) for first in range(0, heads, each)
        ]
