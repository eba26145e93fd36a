"""What a worker has at hand while it goes through the tiles of a map."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from .scores.key_ranges import Hull
from .scores.precision import highest_norm


class Place(NamedTuple):
    """Which part of a map a tile is."""

    batch: slice
    heads: slice
    rows: slice
    columns: slice
    hull: Hull | None


class Keys:
    """The keys of some heads, in the dtypes that they are wanted in."""

    def __init__(self, key: Tensor) -> None:
        self._key, self._known = key, dict[torch.dtype, Tensor]()
        self.length = key.shape[2]

    def of(self, dtype: torch.dtype) -> Tensor:
        """Float["batch kv_heads key_len head_dim"]."""
        if dtype not in self._known:
            self._known[dtype] = self._key.to(dtype).contiguous()
        return self._known[dtype]

    @cached_property
    def norm(self) -> Tensor:
        """The largest of each head."""
        return highest_norm(self._key)


class Room:
    """Where one worker computes its tiles, one after the other."""

    def __init__(self, entries: int, dtype: torch.dtype, device: torch.device) -> None:
        self.narrow = torch.empty(entries, dtype=dtype, device=device)
        self.weights = torch.empty_like(self.narrow)
        self._wide: Tensor | None = None

    def products(self, dtype: torch.dtype) -> Tensor:
        """For those of a tile."""
        if dtype == self.narrow.dtype:
            return self.narrow
        if self._wide is None:
            self._wide = self.narrow.new_empty(self.narrow.shape, dtype=dtype)
        return self._wide
