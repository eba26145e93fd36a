"""The weights that say what kind a head is: on the key before a query, on its own, and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ...shapes import Float
from .base import Accumulator, Measure, PassContext, Tile


@dataclass(frozen=True)
class PositionWeights(Measure[Tensor]):
    """What a query gives to five keys, and how many it sees: Float["batch heads query_len 6"].

    In this order: the key before its own position, the one after it, its own, the first and the
    last key, each 0 where there is no such key; and how many keys have a weight above 0. Query i
    stands at key i + query_offset of the map.
    """

    name: ClassVar[str] = "position_weights"

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _PositionWeights(context)


class _PositionWeights(Accumulator[Tensor]):
    def __init__(self, context: PassContext) -> None:
        super().__init__()
        self.context = context
        self.numbers = context.per_query(6)

    def add(self, tile: Tile) -> None:
        columns, last = tile.columns, self.context.shape[3] - 1
        for place, distance in enumerate((-1, 1, 0)):
            shift = tile.rows.start + self.context.query_offset + distance - columns.start
            weights = tile.weights.diagonal(offset=shift, dim1=-2, dim2=-1)
            first = tile.rows.start + max(-shift, 0)
            rows = slice(first, first + weights.shape[-1])
            self.numbers[tile.batch, tile.heads, rows, place] = weights
        for place, key in ((3, 0), (4, last)):
            if columns.start <= key < columns.stop:
                self.numbers[(*tile.queries, place)] = tile.weights[..., key - columns.start]
        self.numbers[(*tile.queries, 5)] = (tile.weights > 0).sum(-1).to(self.numbers.dtype)

    def result(self) -> Float[Tensor, "batch heads query_len 6"]:
        return self.numbers
