"""Attention between stretches of tokens: pictures of long maps, and sums from span to span.

Rows are combined first, which is cheap, because they lie side by side in a tile. What remains is a
vector over the keys, in which the sum over any stretch is the difference of two running sums.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float, Float64, Int
from .base import Accumulator, Measure, PassContext, Tile

Span = tuple[int, int]
REDUCTIONS = ("mean", "max", "sum")


@dataclass(frozen=True)
class Pooled(Measure[Tensor]):
    """A picture of each head: Float["batch heads height width"].

    Cell (y, x) stands for the queries with floor(i * height / query_len) = y and the keys with
    floor(j * width / key_len) = x: their mean, maximum or sum, where a key that may not be
    attended to counts as 0. A picture is never larger than the map.
    """

    height: int
    width: int
    reduce: str = "mean"
    name: ClassVar[str] = "pooled"

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ConfigError(
                f"A picture needs height and width of at least 1, not {self.height} and "
                f"{self.width}."
            )
        if self.reduce not in REDUCTIONS:
            raise ConfigError(f"reduce is one of {', '.join(REDUCTIONS)}, not {self.reduce!r}.")

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        query_len, key_len = context.shape[2:]
        rows = edges(query_len, min(self.height, query_len))
        return _Pooled(context, rows, edges(key_len, min(self.width, key_len)), self.reduce)


@dataclass(frozen=True)
class Blocks(Measure[Tensor]):
    """The greatest weight of each block of a map: Float["batch heads height width"].

    Cell (y, x) stands for ``queries`` queries from y * queries on and ``keys`` keys from x * keys
    on; those at the ends may be fewer.
    """

    queries: int
    keys: int
    name: ClassVar[str] = "blocks"

    def __post_init__(self) -> None:
        if self.queries < 1 or self.keys < 1:
            raise ConfigError(
                f"A block has at least 1 query and 1 key, not {self.queries} and {self.keys}."
            )

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        rows, columns = (
            [*range(0, length, size), length]
            for length, size in zip(context.shape[2:], (self.queries, self.keys), strict=True)
        )
        return _Pooled(context, rows, columns, "max")


class _Pooled(Accumulator[Tensor]):
    def __init__(
        self, context: PassContext, row_edges: list[int], column_edges: list[int], reduce: str
    ) -> None:
        super().__init__()
        self.context, self.reduce = context, reduce
        self.row_edges = row_edges
        self.column_edges = torch.tensor(column_edges, device=context.device)
        self.cells = context.sums(len(row_edges) - 1, len(column_edges) - 1)

    def add(self, tile: Tile) -> None:
        for y, first, last in _cells(self.row_edges, tile.rows):
            rows = tile.weights[..., first - tile.rows.start : last - tile.rows.start, :]
            place = (tile.batch, tile.heads, y)
            if self.reduce == "max":
                picture = self._highest(rows.amax(-2), tile.columns)
                with self.lock:
                    self.cells[place] = torch.maximum(self.cells[place], picture)
            else:
                begin, end = self.column_edges[:-1], self.column_edges[1:]
                picture = span_sums(rows.sum(-2), tile.columns.start, begin, end)
                with self.lock:
                    self.cells[place] += picture

    def _highest(
        self, vector: Float[Tensor, "batch heads columns"], columns: slice
    ) -> Float64[Tensor, "batch heads width"]:
        """Return the greatest entry of each cell along the keys; 0 where it has none."""
        keys = torch.arange(columns.start, columns.stop, device=vector.device)
        cell = torch.bucketize(keys, self.column_edges[1:], right=True)
        width = len(self.column_edges) - 1
        highest = vector.new_zeros((*vector.shape[:-1], width))
        highest = highest.scatter_reduce_(-1, cell.expand_as(vector), vector, "amax")
        return highest.double()

    def result(self) -> Float[Tensor, "batch heads height width"]:
        if self.reduce == "mean":
            rows = torch.tensor(self.row_edges, device=self.cells.device).diff()
            self.cells /= rows[:, None] * self.column_edges.diff()
        return self.cells.to(self.context.dtype)


@dataclass(frozen=True, init=False)
class Mass(Measure[Tensor]):
    """Attention from stretch to stretch: Float["batch heads query_spans key_spans"].

    Entry (a, b) is the mean over the queries of stretch a of the weight that falls on stretch b,
    so over key stretches that cover all keys once the entries sum to 1. Stretches are (begin, end),
    the end not included; they may overlap.
    """

    query_spans: tuple[Span, ...]
    key_spans: tuple[Span, ...]
    name: ClassVar[str] = "mass"

    def __init__(self, query_spans: Iterable[Sequence[int]], key_spans: Iterable[Sequence[int]]):
        object.__setattr__(self, "query_spans", _spans(query_spans))
        object.__setattr__(self, "key_spans", _spans(key_spans))

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        for spans, length, what in (
            (self.query_spans, context.shape[2], "queries"),
            (self.key_spans, context.shape[3], "keys"),
        ):
            for begin, end in spans:
                if end > length:
                    raise ConfigError(
                        f"The stretch ({begin}, {end}) goes beyond the {length} {what} of the map."
                    )
        return _Mass(context, self)


class _Mass(Accumulator[Tensor]):
    def __init__(self, context: PassContext, measure: Mass) -> None:
        super().__init__()
        self.context, self.spans = context, measure.query_spans
        keys = torch.tensor(measure.key_spans, device=context.device).reshape(-1, 2)
        self.begin, self.end = keys.unbind(-1)
        self.masses = context.sums(len(measure.query_spans), len(measure.key_spans))

    def add(self, tile: Tile) -> None:
        for a, (begin, end) in enumerate(self.spans):
            first, last = max(begin, tile.rows.start), min(end, tile.rows.stop)
            if first >= last:
                continue
            rows = tile.weights[..., first - tile.rows.start : last - tile.rows.start, :]
            sums = span_sums(rows.sum(-2), tile.columns.start, self.begin, self.end)
            with self.lock:
                self.masses[tile.batch, tile.heads, a] += sums

    def result(self) -> Float[Tensor, "batch heads query_spans key_spans"]:
        counts = [end - begin for begin, end in self.spans]
        means = self.masses / torch.tensor(counts, device=self.masses.device)[:, None]
        return means.to(self.context.dtype)


def edges(length: int, cells: int) -> list[int]:
    """Return the cells + 1 borders of the cells floor(i * cells / length) of positions i."""
    return [-(-cell * length // cells) for cell in range(cells + 1)]


def _cells(borders: list[int], rows: slice) -> Iterable[tuple[int, int, int]]:
    """Yield (cell, first, last) for each cell that contains some of these rows."""
    cell = bisect.bisect_right(borders, rows.start) - 1
    first = rows.start
    while first < rows.stop:
        last = min(borders[cell + 1], rows.stop)
        yield cell, first, last
        first, cell = last, cell + 1


def span_sums(
    vector: Float[Tensor, "*lead columns"],
    offset: int,
    begin: Int[Tensor, "spans"],
    end: Int[Tensor, "spans"],
) -> Float64[Tensor, "*lead spans"]:
    """Sum over stretches of keys, from begin to end - 1.

    Args:
        vector: a number for each of some keys.
        offset: the key of the first column; a stretch may reach beyond the columns.
        begin, end: of each stretch.
    """
    running = torch.zeros(
        (*vector.shape[:-1], vector.shape[-1] + 1), dtype=torch.float64, device=vector.device
    )
    torch.cumsum(vector, -1, dtype=torch.float64, out=running[..., 1:])
    low, high = ((x - offset).clamp(0, vector.shape[-1]) for x in (begin, end))
    return running[..., high] - running[..., low]


def _spans(spans: Iterable[Sequence[int]]) -> tuple[Span, ...]:
    pairs = tuple((int(begin), int(end)) for begin, end in spans)
    for begin, end in pairs:
        if not 0 <= begin < end:
            raise ConfigError(
                f"A stretch is (begin, end) with 0 <= begin < end; got ({begin}, {end})."
            )
    return pairs
