"""Rows of recorded modules and their pictures, which are remembered."""

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
PIECE = 2 * 10**10  # multiply-adds of a piece of a picture: about a second
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LatestValues(Generic[Key, Value]):
    """The latest values, for several threads; the oldest is forgotten first."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most, self._lock = most, threading.Lock()
        self._values: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """Return the value, or None if it was forgotten."""
        with self._lock:
            return self._values.get(key)

    def store(self, key: Key, value: Value) -> Value:
        """Store and return a value; where another thread was first, return the value of that."""
        with self._lock:
            if key not in self._values and len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            return self._values.setdefault(key, value)


class Rows:
    """One row of the batch of each module, as a map of its own, and its pictures.

    Args:
        draw: how a picture is made of a map and a block.
    """

    def __init__(self, draw: Callable[[AttentionMap, tuple[int, int]], Picture] = picture) -> None:
        self._draw = draw
        self._maps: LatestValues[tuple[str, int], AttentionMap] = LatestValues()
        self._pictures: RunCache[tuple[str, int, tuple[int, int], int], Picture]
        self._pictures = RunCache(PICTURES)
        self._heads: LatestValues[tuple[str, int], list[MeasuredHead]] = LatestValues()

    def map_of(self, module: Module, row: int) -> AttentionMap:
        """Return a module's map of one row, which remembers its log-sum-exp."""
        from ...maps.one_row import one_row

        place = (module.path, row)
        return self._maps.get(place) or self._maps.store(place, one_row(module.map, row))

    def pictures(self, layers: list[Module], row: int, block: tuple[int, int]) -> list[Picture]:
        """Return the pictures of some layers.

        What is ready is kept when the question is given up, so that asking again goes on where it
        ended; what two questions ask at once is drawn once.

        Raises:
            ShapeError: those that are missing would take too long, or too much memory.
            QuestionCancelled: the question was given up.
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
        """Return what kind each head of some layers is.

        Args:
            layers: the modules.
            row: of the batch.
            labels: the tokens of keys; None for those of the recording.

        Raises:
            ShapeError: those that are missing would take too long, or too much memory.
            QuestionCancelled: the question was given up.
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
        """Cut a row of a module by heads where it takes long.

        So a question that is given up leaves something ready for the next one.
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
