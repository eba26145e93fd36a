"""The weights that tell the kind of a head, such as those on the key before each query.

`clearhead.head_kinds` says which keys these are and what follows from their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ...head_kinds import LOCAL
from ...shapes import Bool, Float, Int, Num
from .base import Accumulator, Measure, PassContext, Tile

PREVIOUS, NEXT, SAME, FIRST, LAST, NEAR, DUPLICATE, INDUCTION = range(8)
# The id of places outside the text; no token has it.
_NO_KEY, _NO_QUERY = -1, -2


class HeadPlaces(NamedTuple):
    """The numbers of one map from which the kinds of its heads follow.

    Attributes:
        numbers: for each query, the weights on the key before its own position, the key after it,
            its own key, the first and the last key of the text, and the sum over keys at most LOCAL
            tokens away, each 0 where there is no such key; with token ids also the sums over
            earlier keys of the query's token, and over earlier keys that follow such a key.
        largest: the largest weight that each key gets from a query of the text.
    """

    numbers: Float[Tensor, "batch heads query_len places"]
    largest: Float[Tensor, "batch heads key_len"]


@dataclass(frozen=True, eq=False)
class PlaceWeights(Measure[HeadPlaces]):
    """Measures `HeadPlaces`, from which the kinds of heads follow.

    Query i is at key i + query_offset of the map. Memory is linear in the length, because token ids
    are compared tile by tile.

    Attributes:
        ids: the token id of each key, below 2**24, and not -1 or -2; None leaves out the sums over
            tokens.
        in_text: False for queries that are padding; None where there are none.
        ends: the first and the last key of each text; None where no key is padding.
    """

    ids: Int[Tensor, "batch key_len"] | None = None
    in_text: Bool[Tensor, "batch query_len"] | None = None
    ends: Int[Tensor, "batch 2"] | None = None
    name: ClassVar[str] = "place_weights"

    def begin(self, context: PassContext) -> Accumulator[HeadPlaces]:
        return _PlaceWeights(context, self)


class _PlaceWeights(Accumulator[HeadPlaces]):
    def __init__(self, context: PassContext, measure: PlaceWeights) -> None:
        super().__init__()
        self.context, self.in_text = context, measure.in_text
        self.numbers = context.per_query(DUPLICATE if measure.ids is None else INDUCTION + 1)
        batch, heads, _, key_len = context.shape
        ends = torch.tensor([[0, key_len - 1]], device=context.device).expand(batch, 2)
        self.ends = ends if measure.ends is None else measure.ends
        self.largest = torch.zeros(
            (batch, heads, key_len), dtype=context.dtype, device=context.device
        )
        self.tokens = None if measure.ids is None else _Tokens(measure.ids, context)

    def add(self, tile: Tile) -> None:
        own = {-1: PREVIOUS, 1: NEXT, 0: SAME}
        for distance in range(-LOCAL, LOCAL + 1):
            rows, weights = self._diagonal(tile, distance)
            if not weights.shape[-1]:
                continue
            if distance in own:
                self.numbers[tile.batch, tile.heads, rows, own[distance]] = weights
            self.numbers[tile.batch, tile.heads, rows, NEAR] += weights
        for place, keys in ((FIRST, self.ends[:, 0]), (LAST, self.ends[:, 1])):
            column = (keys[tile.batch] - tile.columns.start)[:, None, None, None]
            inside = (column >= 0) & (column < tile.weights.shape[-1])
            column = torch.where(inside, column, 0).expand(*tile.weights.shape[:3], 1)
            self.numbers[(*tile.queries, place)] = (tile.weights.gather(-1, column) * inside)[
                ..., 0
            ]
        self._add_largest(tile)
        if self.tokens is not None:
            for place, sums in self.tokens.sums(tile):
                self.numbers[(*tile.queries, place)] = sums

    def _diagonal(self, tile: Tile, distance: int) -> tuple[slice, Float[Tensor, "b h rows"]]:
        """Return some queries, and the weight of each on the key at a distance from it."""
        shift = tile.rows.start + self.context.query_offset + distance - tile.columns.start
        weights = tile.weights.diagonal(offset=shift, dim1=-2, dim2=-1)
        first = tile.rows.start + max(-shift, 0)
        return slice(first, first + weights.shape[-1]), weights

    def _add_largest(self, tile: Tile) -> None:
        weights = tile.weights
        if self.in_text is not None:
            in_text = self.in_text[tile.batch, None, tile.rows, None]
            weights = torch.mul(weights, in_text, out=tile.scratch)
        highest = weights.amax(-2)
        with self.lock:
            self.largest[tile.keys] = torch.maximum(self.largest[tile.keys], highest)

    def result(self) -> HeadPlaces:
        return HeadPlaces(self.numbers, self.largest)


class _Tokens:
    """The tokens of a map's keys and of its queries."""

    def __init__(self, ids: Int[Tensor, "batch key_len"], context: PassContext) -> None:
        self.offset = context.query_offset
        # Comparing floats takes a sixth of the time of comparing integers, and floats represent all
        # token ids exactly.
        self.of_queries, self.of_keys = (
            x.to(context.dtype) for x in token_rows(ids, context.shape[2], self.offset)
        )

    def sums(self, tile: Tile) -> list[tuple[int, Float[Tensor, "batch heads rows"]]]:
        """Return the index of the sums over tokens in the result, and the sums."""
        of_queries = self.of_queries[tile.batch, tile.rows]
        alike = same_tokens(
            of_queries,
            self.of_keys[tile.batch, tile.columns.start : tile.columns.stop + 1],
            tile.rows.start + self.offset - tile.columns.start,
        )
        return [
            (place, torch.mul(tile.weights, pairs[:, None], out=tile.scratch).sum(-1))
            for place, pairs in ((DUPLICATE, alike.duplicate), (INDUCTION, alike.follows))
        ]


class SameTokens(NamedTuple):
    """Which of some keys relate to the token of some later queries: 1, or else 0.

    Attributes:
        duplicate: the key's token is the query's.
        follows: the token before the key is the query's.
    """

    duplicate: Num[Tensor, "batch rows columns"]
    follows: Num[Tensor, "batch rows columns"]


def token_rows(
    ids: Int[Tensor, "batch key_len"], query_len: int, offset: int
) -> tuple[Int[Tensor, "batch query_len"], Int[Tensor, "batch key_len_and_one"]]:
    """Return the token ids of the queries, and those of the keys with one more id in front.

    Args:
        ids: of the keys.
        query_len: the number of queries.
        offset: the key at which query 0 stands.
    """
    of_queries = ids.new_full((ids.shape[0], query_len), _NO_QUERY)
    inside = ids[:, offset : offset + query_len]
    of_queries[:, : inside.shape[1]] = inside
    no_key = ids.new_full((ids.shape[0], 1), _NO_KEY)
    return of_queries, torch.cat([no_key, ids], dim=1)


def same_tokens(
    of_queries: Num[Tensor, "batch rows"], of_keys: Num[Tensor, "batch columns_and_one"], shift: int
) -> SameTokens:
    """Compare the tokens of some queries with those of keys before them.

    Args:
        of_queries: their ids.
        of_keys: the id before the first key, then those of the keys.
        shift: the column at which the first query stands.
    """
    shape = (*of_queries.shape, of_keys.shape[1])
    alike = torch.eq(of_queries[:, :, None], of_keys[:, None], out=of_keys.new_empty(shape))
    # Entry (r, n) compares with the key of column n - 1; the query is at column r + shift.
    alike = alike.tril_(shift)
    follows = alike.clone()
    follows.diagonal(offset=shift, dim1=-2, dim2=-1).fill_(0)
    return SameTokens(alike[..., 1:], follows[..., :-1])
