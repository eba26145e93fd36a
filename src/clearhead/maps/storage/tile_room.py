"""The memory of a worker that goes through the tiles of a map."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ...shapes import Float
from ..scores.masks.key_ranges import Hull
from ..scores.precision import highest_norm


class Place(NamedTuple):
    """The part of a map that a tile is, and the keys that its queries may attend to."""

    batch: slice
    heads: slice
    rows: slice
    columns: slice
    hull: Hull | None


class Keys:
    """The keys of some heads, in each dtype that products are computed in."""

    def __init__(self, key: Float[Tensor, "batch kv_heads key_len head_dim"]) -> None:
        self._key, self._by_dtype = key, dict[torch.dtype, Tensor]()
        self.length = key.shape[2]

    def of(self, dtype: torch.dtype) -> Float[Tensor, "batch kv_heads key_len head_dim"]:
        """Return the keys in a dtype, converted once."""
        if dtype not in self._by_dtype:
            self._by_dtype[dtype] = self._key.to(dtype).contiguous()
        return self._by_dtype[dtype]

    @cached_property
    def norm(self) -> Float[Tensor, "batch kv_heads"]:
        """The largest norm of each head."""
        return highest_norm(self._key)


class Room:
    """Where one worker computes its tiles, one after the other.

    It is allocated outside of inference mode, because the next pass may not run in it.
    """

    @torch.inference_mode(False)
    def __init__(self, entries: int, dtype: torch.dtype, device: torch.device) -> None:
        self.narrow = torch.empty(entries, dtype=dtype, device=device)
        self.weights = torch.empty_like(self.narrow)
        self._wide: Tensor | None = None

    @property
    def entries(self) -> int:
        """The number of entries of the largest tile that fits."""
        return self.narrow.numel()

    def products(self, dtype: torch.dtype) -> Float[Tensor, "entries"]:
        """Return the memory for the products of a tile."""
        if dtype == self.narrow.dtype:
            return self.narrow
        if self._wide is None:
            self._wide = self.narrow.new_empty(self.narrow.shape, dtype=dtype)
        return self._wide

    def forget_wide_products(self) -> None:
        """Free the memory that only few maps need."""
        self._wide = None


# Rooms of finished passes, kept for reuse: getting new memory from the system takes as long as
# computing a short map.
_IDLE_ROOMS: list[Room] = []
_MOST_IDLE, _IDLE_ENTRIES = 4, range(1 << 16, (1 << 20) + 1)
_LOCK = threading.Lock()


@contextmanager
def room_for(entries: int, dtype: torch.dtype, device: torch.device) -> Iterator[Room]:
    """Lend a room for tiles of this many entries, on a CPU one that was used before."""
    if device.type != "cpu" or entries not in _IDLE_ENTRIES:
        yield Room(entries, dtype, device)
        return
    with _LOCK:
        fitting = (
            place
            for place, room in enumerate(_IDLE_ROOMS)
            if room.narrow.dtype == dtype and entries <= room.entries <= 4 * entries
        )
        place = next(fitting, None)
        room = None if place is None else _IDLE_ROOMS.pop(place)
    room = room or Room(entries, dtype, device)
    try:
        yield room
    finally:
        room.forget_wide_products()
        with _LOCK:
            _IDLE_ROOMS.append(room)
            del _IDLE_ROOMS[:-_MOST_IDLE]
