"""Compact forms of mask tensors, computed once though every layer passes the same mask."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ..scores.masks.compact_mask import CompactMask, compact_mask
from ..scores.masks.compaction import checked_shape

_CAPACITY = 32


class _Origin(NamedTuple):
    """A view of a storage, which identifies a mask."""

    storage: int
    offset: int
    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, x: Tensor) -> _Origin:
        return cls(
            x.untyped_storage()._cdata, int(x.storage_offset()), x.shape, x.stride(), x.dtype
        )


class MaskCache:
    """Compact masks of one recording, by the memory that the mask tensors lie in.

    A weak reference to the storage keeps its address from being reused. A mask that is overwritten
    is forgotten.
    """

    def __init__(self) -> None:
        self._compact: dict[tuple[object, ...], tuple[StorageWeakRef, CompactMask]] = {}
        self._origins: dict[_Origin, tuple[StorageWeakRef, _Origin, StorageWeakRef]] = {}
        self._storages: set[int] = set()

    def compact(self, mask: Tensor, shape: tuple[int, int, int, int]) -> CompactMask:
        """Return a mask as `compact_mask` does, computed once for each mask.

        Args:
            mask: boolean, True where a query may attend, or float, to be added.
            shape: (batch, heads, query_len, key_len).
        """
        origin = _Origin.of(mask)
        reference = StorageWeakRef(mask.untyped_storage())
        source = self._origins.get(origin)
        if source is not None:
            _, origin, reference = source
        key = (origin, mask.shape, shape)
        entry = self._compact.get(key)
        if entry is None:
            checked_shape(mask, "mask", shape)
            entry = reference, compact_mask(mask, shape)
            if len(self._compact) >= _CAPACITY:
                self.clear()
            self._compact[key] = entry
            self._storages.add(origin.storage)
        return entry[1]

    def note_origin(self, mask: Tensor, source: Tensor) -> None:
        """Note that a float mask equals a boolean one: SDPA converts it in each call."""
        if len(self._origins) >= _CAPACITY:
            self._origins.clear()
        self._origins[_Origin.of(mask)] = (
            StorageWeakRef(mask.untyped_storage()),
            _Origin.of(source),
            StorageWeakRef(source.untyped_storage()),
        )
        self._storages.add(source.untyped_storage()._cdata)

    def forget(self, x: Tensor) -> None:
        """Forget the masks of a tensor's memory, which was written to."""
        if x.untyped_storage()._cdata in self._storages:
            self.clear()

    def clear(self) -> None:
        """Forget all masks."""
        self._compact.clear()
        self._origins.clear()
        self._storages.clear()
