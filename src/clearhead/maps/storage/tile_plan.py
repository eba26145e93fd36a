"""How a map is cut into tiles, and tiles are shared out among workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...shapes import Float

# Entries of a tile. On a CPU scores and weights of one stay in the cache of a core; a GPU is
# fastest with as much work as there is memory for.
CPU_TILE, GPU_TILE = 1 << 20, 1 << 25
# With fewer rows than this the products are slow, whatever the size of the tile.
LEAST_ROWS = 64
# If the first queries of a short map see few keys, its rows are cut into this many parts.
SLANTED_PARTS = 4
# Below this many entries of the map, threads cost more time than they save.
_WORTH_THREADS = 1 << 21


@dataclass(frozen=True)
class Work:
    """Some rows of neighbouring heads, with the heads of keys that belong to them."""

    batch: slice
    kv_heads: slice
    rows: slice


@dataclass(frozen=True)
class Plan:
    """How a map is cut up.

    Attributes:
        works: the units of work, which together cover the map.
        rows: of a tile.
        entries: of the largest tile.
    """

    works: list[Work]
    rows: int
    entries: int


class SharedWorks(Iterator[Work]):
    """Hands out the units of work to several threads."""

    def __init__(self, works: Sequence[Work]) -> None:
        self._works, self._lock = iter(works), threading.Lock()

    def __next__(self) -> Work:
        with self._lock:
            return next(self._works)


def worker_count(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
) -> int:
    """Return how many threads go through a map."""
    batch, heads, query_len, _ = query.shape
    entries = batch * heads * query_len * key.shape[2]
    if query.is_cuda or entries < _WORTH_THREADS:
        return 1
    return torch.get_num_threads()


def plan_of(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    workers: int,
    *,
    slanted: bool = False,
) -> Plan:
    """Cut a map into work for so many workers, and the work into tiles.

    Args:
        query, key: of the map.
        workers: how many threads go through it.
        slanted: whether the first queries attend to far fewer keys than there are.
    """
    batch, heads, query_len, _ = query.shape
    kv_heads, key_len = key.shape[1:3]
    group = heads // kv_heads
    tile_entries = GPU_TILE if query.is_cuda else CPU_TILE
    # A tile of a short map has several key heads, and if it has all of them, several batch rows.
    head_entries = group * query_len * key_len
    kv_step = min(max(tile_entries // head_entries, 1), kv_heads)
    batch_step = 1
    if kv_step == kv_heads:
        batch_step = min(max(tile_entries // (head_entries * kv_heads), 1), batch)
    # A tile of a long map has some rows of one key head.
    rows = max(tile_entries // (key_len * group), -(-LEAST_ROWS // group))
    rows = min(rows, query_len) if kv_step == 1 else query_len
    if slanted:
        rows = min(rows, max(-(-query_len // SLANTED_PARTS), -(-LEAST_ROWS // group)))
    # If there are few heads for many workers, each head is divided into several units.
    parts = -(-batch // batch_step) * -(-kv_heads // kv_step)
    row_step = query_len
    if workers > 1 and parts < 2 * workers:
        row_step = -(-query_len * parts // (4 * workers))
        row_step = -(-row_step // rows) * rows  # a multiple of a tile
    works = [
        Work(b, h, r)
        for b in steps(batch, batch_step)
        for h in steps(kv_heads, kv_step)
        for r in steps(query_len, row_step)
    ]
    return Plan(works, rows, batch_step * kv_step * group * rows * key_len)


def steps(length: int, step: int) -> Iterator[slice]:
    """Yield slices of at most ``step`` entries that together cover the length."""
    for first in range(0, length, step):
        yield slice(first, min(first + step, length))
