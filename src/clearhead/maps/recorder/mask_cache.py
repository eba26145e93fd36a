"""Each mask tensor is made compact once, though every layer passes it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ..scores.compact_mask import CompactMask, compact_mask
from ..scores.key_ranges import checked_shape

_KEPT = 32


class _Origin(NamedTuple):
    """A view of a storage, by which the same mask is known again."""

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

    A weak reference to the storage keeps its address from being given to another one; a mask
    that is written to is forgotten.
    """

    def __init__(self) -> None:
        self._compact: dict[tuple[object, ...], tuple[StorageWeakRef, CompactMask]] = {}
        self._made_from: dict[_Origin, tuple[StorageWeakRef, _Origin, StorageWeakRef]] = {}
        self._storages: set[int] = set()

    def compact(self, mask: Tensor, shape: tuple[int, int, int, int]) -> CompactMask:
        """As `compact_mask` does it.

        Args:
            mask: boolean, True where a query may attend, or float, to be added.
            shape: (batch, heads, query_len, key_len).
        """
        origin = _Origin.of(mask)
        reference = StorageWeakRef(mask.untyped_storage())
        made = self._made_from.get(origin)
        if made is not None:
            _, origin, reference = made
        key = (origin, mask.shape, shape)
        found = self._compact.get(key)
        if found is None:
            checked_shape(mask, "mask", shape)
            found = reference, compact_mask(mask, shape)
            if len(self._compact) >= _KEPT:
                self.clear()
            self._compact[key] = found
            self._storages.add(origin.storage)
        return found[1]

    def made_from(self, mask: Tensor, source: Tensor) -> None:
        """Notes that a float mask says the same as a boolean one: SDPA makes one per call."""
        if len(self._made_from) >= _KEPT:
            self._made_from.clear()
        self._made_from[_Origin.of(mask)] = (
            StorageWeakRef(mask.untyped_storage()),
            _Origin.of(source),
            StorageWeakRef(source.untyped_storage()),
        )
        self._storages.add(source.untyped_storage()._cdata)

    def written(self, x: Tensor) -> None:
        """A tensor was written to: what lay there is another mask now."""
        if x.untyped_storage()._cdata in self._storages:
            self.clear()

    def clear(self) -> None:
        """Forget all masks."""
        self._compact.clear()
        self._made_from.clear()
        self._storages.clear()
