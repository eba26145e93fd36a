"""The numbers of a picture: a window of a map, pooled to as many cells as a picture can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..measures.pooled import edges
from ..stored_attention import StoredAttention

Array = np.ndarray[Any, Any]
Quantity = Literal["weights", "scores"]
Reduce = Literal["max", "mean"]

TILE = 1024  # queries and keys worked on at a time


@dataclass(frozen=True)
class Cells:
    """A window of some heads of a map.

    Attributes:
        values: Float["heads rows columns"], 0 where masked.
        masked: Bool["heads rows columns"], True where no query of the cell may attend to any key
            of it.
        queries, keys: the window.
    """

    values: Array
    masked: Array
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
    """The cells of some heads in a window, at most `most` along each side.

    Pooling leaves out what is masked: a cell on the edge of a causal mask is not paler for the
    keys that nobody could see. Windows and single heads of long maps are pooled without work on
    the rest of the map, one tile at a time.

    Raises:
        ConfigError: the window is empty or counts in steps, or the choice is none of those known.
    """
    if quantity not in ("weights", "scores") or reduce not in ("max", "mean"):
        raise ConfigError(
            f"A picture shows quantity 'weights' or 'scores', pooled by reduce 'max' or 'mean'; "
            f"{quantity!r} and {reduce!r} were asked for."
        )
    rows = _window(queries, attention_map.query.shape[-2], "queries")
    columns = _window(keys, attention_map.key.shape[-2], "keys")
    row_edges, column_edges = _edges(rows, most), _edges(columns, most)
    shape = (len(heads), len(row_edges) - 1, len(column_edges) - 1)
    total = np.full(shape, -np.inf if reduce == "max" else 0.0)
    count = np.zeros(shape, dtype=np.int64)
    for r in _groups(row_edges):
        for c in _groups(column_edges):
            place = np.s_[:, r, c]
            tile, seen = _tile(attention_map, batch, heads, quantity,
                               _span(row_edges, r), _span(column_edges, c))  # fmt: skip
            starts = row_edges[r] - row_edges[r.start], column_edges[c] - column_edges[c.start]
            hidden = -np.inf if reduce == "max" else 0.0
            pool = np.maximum if reduce == "max" else np.add
            total[place] = _pooled(pool, np.where(seen, tile, hidden), *starts)
            count[place] = _pooled(np.add, seen.astype(np.int64), *starts)
    masked = count == 0
    values = total / np.maximum(count, 1) if reduce == "mean" else total
    return Cells(np.where(masked, 0.0, values), masked, rows, columns)


def _tile(
    attention_map: StoredAttention, batch: int, heads: list[int], quantity: Quantity,
    rows: slice, columns: slice,
) -> tuple[Array, Array]:  # fmt: skip
    """Weights or scores of a tile, [heads, rows, columns], and where a query may attend."""
    chosen = torch.tensor(heads, device=attention_map.query.device)
    one = slice(batch, batch + 1)
    denominators = None
    if quantity == "weights":
        denominators = attention_map.denominators.at(rows, one, chosen)
    scores = attention_map.scores_at(rows, columns, one, chosen, denominators)
    seen = scores > -torch.inf
    found = scores if denominators is None else denominators.weights(scores)
    return _array(found.to(attention_map.dtype)[0]), _array(seen[0])


def _array(x: Tensor) -> Array:
    found: Array = x.detach().cpu().numpy()
    return found


def _pooled(pool: np.ufunc, values: Array, row_starts: Array, column_starts: Array) -> Array:
    found: Array = pool.reduceat(pool.reduceat(values, column_starts, axis=2), row_starts, axis=1)
    return found


def _window(asked: slice, length: int, name: str) -> range:
    window = range(length)[asked]
    if window.step != 1 or not len(window):
        raise ConfigError(
            f"{name} must be a slice of at least one position, in steps of 1, of the {length} "
            f"that there are; {asked} came."
        )
    return window


def _edges(window: range, most: int) -> Array:
    """Where cells begin, and the end of the last; divided as `pooled` divides a whole map."""
    return window.start + np.array(edges(len(window), min(len(window), most)))


def _groups(edges: Array) -> list[slice]:
    """Cells in groups of at most TILE positions, and at least one cell."""
    widest = int(np.diff(edges).max())
    step = max(TILE // widest, 1)
    return [slice(c, min(c + step, len(edges) - 1)) for c in range(0, len(edges) - 1, step)]


def _span(edges: Array, cells: slice) -> slice:
    return slice(int(edges[cells.start]), int(edges[cells.stop]))
