"""The memory of a worker that goes through the tiles of a map."""

from __future__ import annotations

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
    """Where one worker computes its tiles, one after the other."""

    def __init__(self, entries: int, dtype: torch.dtype, device: torch.device) -> None:
        self.narrow = torch.empty(entries, dtype=dtype, device=device)
        self.weights = torch.empty_like(self.narrow)
        self._wide: Tensor | None = None

    def products(self, dtype: torch.dtype) -> Float[Tensor, "entries"]:
        """Return the memory for the products of a tile."""
        if dtype == self.narrow.dtype:
            return self.narrow
        if self._wide is None:
            self._wide = self.narrow.new_empty(self.narrow.shape, dtype=dtype)
        return self._wide
