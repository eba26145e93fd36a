"""The sums of weights from which the scores of TransformerLens's patterns are computed.

Which keys relate to the token of a query follows from the tokens alone, so all layers share it as a
matrix of zeros and ones for each tile. A head's sum over these keys is one product with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ...shapes import Float, Float64, Int
from ..measures.base import Accumulator, Measure, PassContext, Tile
from ..measures.place_weights import same_tokens, token_rows

# This many zeros and ones are kept from one layer to the next: 16 MB.
_MOST = 1 << 22
_Place = tuple[int, int, int, int, int, int]


class PatternNumbers(NamedTuple):
    """The sums of one map.

    Attributes:
        previous, own, first: the weight of each query on the key before it, on its own, and on the
            first key of the text.
        duplicate, induction: the sums over all queries of the weights on earlier keys with their
            token, and on earlier keys that follow such a key; 0 without token ids.
    """

    previous: Float[Tensor, "batch heads length"]
    own: Float[Tensor, "batch heads length"]
    first: Float[Tensor, "batch heads length"]
    duplicate: Float64[Tensor, "batch heads"]
    induction: Float64[Tensor, "batch heads"]


class TokenPairs:
    """Which keys relate to the tokens of queries: the same for all layers of a text.

    Args:
        ids: of the tokens, below 2**24; padding has distinct ids.
    """

    def __init__(self, ids: Int[Tensor, "batch length"]) -> None:
        self.ids = ids
        self._tokens: tuple[Tensor, Tensor] | None = None
        self._pairs: dict[_Place, Tensor] = {}
        self._size = 0

    def of(self, tile: Tile) -> Float[Tensor, "batch 2 entries"]:
        """Return 1 where a key has the query's token, and where it follows such a key; else 0."""
        batch, rows, columns = tile.batch, tile.rows, tile.columns
        place = (batch.start, batch.stop, rows.start, rows.stop, columns.start, columns.stop)
        pairs = self._pairs.get(place)
        if pairs is not None and pairs.dtype == tile.weights.dtype:
            return pairs
        if self._tokens is None or self._tokens[0].dtype != tile.weights.dtype:
            of_queries, of_keys = token_rows(self.ids, self.ids.shape[1], 0)
            dtype = tile.weights.dtype
            self._tokens = of_queries.to(dtype), of_keys.to(dtype)
        of_queries, of_keys = self._tokens
        keys = of_keys[batch, columns.start : columns.stop + 1]
        alike = same_tokens(of_queries[batch, rows], keys, rows.start - columns.start)
        pairs = torch.stack([alike.duplicate.flatten(1), alike.follows.flatten(1)], dim=1)
        if self._size + pairs.numel() <= _MOST:
            self._size += pairs.numel()
            self._pairs[place] = pairs
        return pairs


@dataclass(frozen=True, eq=False)
class PatternSums(Measure[PatternNumbers]):
    """Measures `PatternNumbers` for self-attention with as many queries as keys.

    Attributes:
        pairs: of its tokens; None leaves out the sums over tokens.
        first: the first key of each text.
    """

    first: Int[Tensor, "batch"]
    pairs: TokenPairs | None = field(default=None)
    name: ClassVar[str] = "pattern_sums"

    def begin(self, context: PassContext) -> Accumulator[PatternNumbers]:
        return _PatternSums(context, self)


class _PatternSums(Accumulator[PatternNumbers]):
    def __init__(self, context: PassContext, measure: PatternSums) -> None:
        super().__init__()
        self.pairs = measure.pairs
        self.first = measure.first
        self.is_first = not bool(measure.first.any())
        self.of_queries = [context.per_query() for _ in range(3)]
        self.sums = context.sums(2)

    def add(self, tile: Tile) -> None:
        weights = tile.weights
        for distance, numbers in zip((-1, 0), self.of_queries, strict=False):
            shift = tile.rows.start + distance - tile.columns.start
            diagonal = weights.diagonal(offset=shift, dim1=-2, dim2=-1)
            begin = tile.rows.start + max(-shift, 0)
            rows = slice(begin, begin + diagonal.shape[-1])
            numbers[tile.batch, tile.heads, rows] = diagonal
        self.of_queries[2][tile.queries] = self._on_first(tile)
        if self.pairs is not None:
            sums = torch.bmm(self.pairs.of(tile), weights.flatten(2).mT)
            with self.lock:
                self.sums[tile.batch, tile.heads] += sums.mT

    def _on_first(self, tile: Tile) -> Float[Tensor, "batch heads rows"]:
        if self.is_first:
            return tile.weights[..., 0] * (tile.columns.start == 0)
        column = (self.first[tile.batch] - tile.columns.start)[:, None, None, None]
        inside = (column >= 0) & (column < tile.weights.shape[-1])
        column = torch.where(inside, column, 0).expand(*tile.weights.shape[:3], 1)
        return (tile.weights.gather(-1, column) * inside)[..., 0]

    def result(self) -> PatternNumbers:
        previous, own, first = self.of_queries
        return PatternNumbers(previous, own, first, self.sums[..., 0], self.sums[..., 1])
