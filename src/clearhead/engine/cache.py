"""The keys and values of earlier positions, so that decoding computes each position once."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..reference.transformer import Transformer
from ..shapes import Array, Float, Int

_FIRST_CAPACITY = 32
_COPIED_AT_ONCE = 1 << 18  # bytes


class _Memory(threading.local):
    """Memory of the last cache of this thread, for the next one.

    The system provides fresh memory a page at a time, on the first write, which takes as long as
    several steps of a large batch.
    """

    LARGEST = 1 << 26  # bytes

    def __init__(self) -> None:
        self._spare: Array | None = None

    def take(self, shape: Sequence[int], dtype: np.dtype[Any]) -> tuple[Array, Array]:
        """Return memory as bytes, and as an array with undefined contents."""
        size = math.prod(shape) * dtype.itemsize
        memory, self._spare = self._spare, None
        if memory is None or memory.nbytes < size:
            memory = np.empty(size, np.uint8)
        return memory, memory[:size].view(dtype).reshape(shape)

    def keep(self, memory: Array) -> None:
        """Keep memory that is no longer referred to."""
        if memory.nbytes <= self.LARGEST:
            self._spare = memory


_memory = _Memory()


class KeyValueCache:
    """The self-attention keys and values of all decoder layers, for the rows of one batch.

    They lie in one buffer, Float["layers 2 rows kv_heads capacity head_dim"], which doubles when
    it is full, so that a step of decoding writes one position and copies nothing.

    Args:
        layers: number of decoder layers.
        rows: number of prefixes.
        kv_heads, head_dim: of the layers.
        dtype: of the keys and values.
        max_length: the capacity never needs to be larger.
    """

    def __init__(
        self,
        *,
        layers: int,
        rows: int,
        kv_heads: int,
        head_dim: int,
        dtype: Any,
        max_length: int,
    ) -> None:
        self.length = 0
        self.rows = rows
        self.max_length = max_length
        shape = (layers, 2, rows, kv_heads, min(_FIRST_CAPACITY, max_length), head_dim)
        self._memory, self._buffer = _memory.take(shape, np.dtype(dtype))

    @classmethod
    def of(cls, model: Transformer, rows: int) -> KeyValueCache:
        """Return an empty cache for the decoder of a model."""
        config = model.config.of_stack("decoder")
        return cls(
            layers=config.decoder_layers,
            rows=rows,
            kv_heads=config.key_value_heads,
            head_dim=config.head_dim,
            dtype=model.dtype,
            max_length=config.max_length,
        )

    @property
    def layers(self) -> list[LayerCache]:
        """Each layer's part."""
        # Created on each access: a cache that stored them would refer to itself, and be freed late.
        return [LayerCache(self, layer) for layer in range(len(self._buffer))]

    @property
    def capacity(self) -> int:
        """The number of positions that fit before the buffer grows."""
        return self._buffer.shape[4]

    def advance(self, length: int) -> None:
        """Count ``length`` more positions, after all layers have appended theirs."""
        self.length += length

    def reserve(self, length: int) -> None:
        """Make room for ``length`` positions in all."""
        if length <= self.capacity:
            return
        capacity = min(max(2 * self.capacity, length), max(self.max_length, length))
        shape = list(self._buffer.shape)
        shape[4] = capacity
        memory, grown = _memory.take(shape, self._buffer.dtype)
        grown[..., : self.length, :] = self._buffer[..., : self.length, :]
        self._memory, self._buffer = memory, grown

    def reorder(self, parents: Int[Array, "new_rows"]) -> None:
        """Replace row i by row ``parents[i]``; rows that are no parent are dropped."""
        rows = len(parents)
        if rows > self.rows:
            shape = (*self._buffer.shape[:2], rows, *self._buffer.shape[3:])
            memory, grown = _memory.take(shape, self._buffer.dtype)
            grown[..., : self.length, :] = self._buffer[:, :, parents, :, : self.length]
            self._memory, self._buffer, self.rows = memory, grown, rows
            return
        # In a beam many rows continue themselves; only the others are moved. If there are many, one
        # layer's keys or values are moved at a time, so that the copies stay in the processor's
        # cache.
        changes = np.flatnonzero(parents != np.arange(rows))
        sources = parents[changes]
        if changes.size and self.length:
            buffer, end = self._buffer, self.length
            if changes.size * buffer[:, :, 0, :, :end].nbytes <= _COPIED_AT_ONCE:
                buffer[:, :, changes, :, :end] = buffer[:, :, sources, :, :end]
            else:
                for part in buffer.reshape(-1, *buffer.shape[2:]):
                    part[changes, :, :end] = part[sources, :, :end]
        self._buffer, self.rows = self._buffer[:, :, :rows], rows

    def __del__(self) -> None:
        # Three references: the buffer, self._memory, and the argument of the function.
        memory = self.__dict__.pop("_memory", None)
        self.__dict__.pop("_buffer", None)
        if memory is not None and sys.getrefcount(memory) == 2:
            _memory.keep(memory)

    def extend(
        self,
        layer: int,
        key: Float[Array, "rows kv_heads new_len head_dim"],
        value: Float[Array, "rows kv_heads new_len head_dim"],
    ) -> tuple[
        Float[Array, "rows kv_heads length head_dim"],
        Float[Array, "rows kv_heads length head_dim"],
    ]:
        """Append one layer's new keys and values, and return all so far.

        Args:
            layer: number of the layer.
            key, value: of the new positions.

        Returns:
            views of the keys and of the values.
        """
        end = self.length + key.shape[2]
        self.reserve(end)
        keys, values = self._buffer[layer]
        keys[:, :, self.length : end] = key
        values[:, :, self.length : end] = value
        return keys[:, :, :end], values[:, :, :end]


class LayerCache:
    """One layer's part of a `KeyValueCache`."""

    def __init__(self, cache: KeyValueCache, layer: int) -> None:
        self._cache = cache
        self._layer = layer

    def extend(
        self,
        key: Float[Array, "rows kv_heads new_len head_dim"],
        value: Float[Array, "rows kv_heads new_len head_dim"],
    ) -> tuple[
        Float[Array, "rows kv_heads length head_dim"],
        Float[Array, "rows kv_heads length head_dim"],
    ]:
        """Append new keys and values, and return all so far: see `KeyValueCache.extend`."""
        return self._cache.extend(self._layer, key, value)
