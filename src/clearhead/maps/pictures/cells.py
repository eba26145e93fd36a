"""The numbers of a picture: a window of a map, pooled to as many cells as a picture can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from ...errors import ConfigError
from ...shapes import Array, Bool, Float, Int, Num
from ..measures.pooled import edges
from ..storage.indexing import window
from ..storage.numpy_arrays import to_array
from ..storage.stored_attention import StoredAttention

Quantity = Literal["weights", "scores"]
Reduce = Literal["max", "mean"]

TILE = 1024  # queries and keys worked on at a time


@dataclass(frozen=True)
class Cells:
    """A window of some heads of a map.

    Attributes:
        values: 0 where masked.
        masked: True where no query of the cell may attend to any key of it.
        queries, keys: the window.
    """

    values: Float[Array, "heads rows columns"]
    masked: Bool[Array, "heads rows columns"]
    queries: range
    keys: range

    @property
    def pooled(self) -> bool:
        """Whether a cell holds more than one weight."""
        return self.values[0].size < len(self.queries) * len(self.keys)


def cells_of(
    attention_map: StoredAttention,
    batch: int,
    heads: list[int],
    *,
    quantity: Quantity,
    queries: slice,
    keys: slice,
    most: int,
    reduce: Reduce,
) -> Cells:
    """Compute the cells of some heads in a window, at most `most` along each side.

    Pooling leaves out masked links, so that a cell on the edge of a causal mask is not paler than
    others. Windows and single heads of long maps are pooled tile by tile, without work on the rest
    of the map.

    Raises:
        ConfigError: the window is empty or counts in steps, or there is no such choice.
    """
    if quantity not in ("weights", "scores") or reduce not in ("max", "mean"):
        raise ConfigError(
            f"A picture shows quantity 'weights' or 'scores', pooled by reduce 'max' or 'mean'; "
            f"{quantity!r} and {reduce!r} were asked for."
        )
    rows = window(queries, attention_map.query.shape[-2], "queries")
    columns = window(keys, attention_map.key.shape[-2], "keys")
    row_edges, column_edges = _edges(rows, most), _edges(columns, most)
    shape = (len(heads), len(row_edges) - 1, len(column_edges) - 1)
    # Sums or maxima of each cell, tile by tile, and how many of its links are not masked.
    total = np.full(shape, -np.inf if reduce == "max" else 0.0)
    count = np.zeros(shape, dtype=np.int64)
    for r in _groups(row_edges):
        for c in _groups(column_edges):
            place = np.s_[:, r, c]
            tile, visible = _tile(attention_map, batch, heads, quantity,
                               _span(row_edges, r), _span(column_edges, c))  # fmt: skip
            starts = row_edges[r] - row_edges[r.start], column_edges[c] - column_edges[c.start]
            hidden = -np.inf if reduce == "max" else 0.0
            pool = np.maximum if reduce == "max" else np.add
            total[place] = _pooled(pool, np.where(visible, tile, hidden), *starts)
            count[place] = _pooled(np.add, visible.astype(np.int64), *starts)
    masked = count == 0
    values = total / np.maximum(count, 1) if reduce == "mean" else total
    return Cells(np.where(masked, 0.0, values), masked, rows, columns)


def _tile(
    attention_map: StoredAttention, batch: int, heads: list[int], quantity: Quantity,
    rows: slice, columns: slice,
) -> tuple[Float[Array, "heads rows columns"], Bool[Array, "heads rows columns"]]:  # fmt: skip
    """Return weights or scores of a tile, and where a query may attend."""
    head_indices = torch.tensor(heads, device=attention_map.query.device)
    one = slice(batch, batch + 1)
    denominators = None
    if quantity == "weights":
        denominators = attention_map.denominators.at(rows, one, head_indices)
    scores = attention_map.scores_at(rows, columns, one, head_indices, denominators)
    visible = scores > -torch.inf
    values = scores if denominators is None else denominators.weights(scores)
    return to_array(values.to(attention_map.dtype)[0]), to_array(visible[0])


def _pooled(
    pool: np.ufunc,
    values: Num[Array, "heads rows columns"],
    row_starts: Int[Array, "cell_rows"],
    column_starts: Int[Array, "cell_columns"],
) -> Num[Array, "heads cell_rows cell_columns"]:
    """Pool the values of each cell, by the rows and columns at which cells begin."""
    pooled: Array = pool.reduceat(pool.reduceat(values, column_starts, axis=2), row_starts, axis=1)
    return pooled


def _edges(positions: range, most: int) -> Int[Array, "borders"]:
    """Return where cells begin and the last one ends, in the division of `pooled`."""
    return positions.start + np.array(edges(len(positions), min(len(positions), most)))


def _groups(borders: Int[Array, "borders"]) -> list[slice]:
    """Return groups of cells, each of at most TILE positions and at least one cell."""
    widest = int(np.diff(borders).max())
    step = max(TILE // widest, 1)
    return [slice(c, min(c + step, len(borders) - 1)) for c in range(0, len(borders) - 1, step)]


def _span(borders: Int[Array, "borders"], cells: slice) -> slice:
    """Return the positions of a group of cells."""
    return slice(int(borders[cells.start]), int(borders[cells.stop]))
