"""How and where a recording stores the model's tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Storage:
    """How tensors are kept.

    Attributes:
        device: the device to keep them on; None for the one they are on.
        dtype: the dtype to narrow them to; None for their own.
        values: whether values are kept.
    """

    device: torch.device | None = None
    dtype: torch.dtype | None = None
    values: bool = False

    def copy(self, x: Tensor) -> Tensor:
        """Return a copy of a tensor of the model, to which nothing else writes."""
        x = x.detach()
        dtype = self.dtype if self.dtype is not None and x.is_floating_point() else x.dtype
        if self.device not in (None, x.device) or dtype != x.dtype:
            return x.to(self.device or x.device, dtype).contiguous()
        return x.clone(memory_format=torch.contiguous_format)


class GrowingTensor:
    """A tensor that grows along axis 2; its capacity doubles when it is full."""

    def __init__(self, first: Tensor) -> None:
        self._buffer = first
        self.length = first.shape[2]

    @property
    def tensor(self) -> Tensor:
        """The part of the buffer that is in use, as a view."""
        return self._buffer[:, :, : self.length]

    def append(self, more: Tensor) -> None:
        """Append a tensor along axis 2."""
        length = self.length + more.shape[2]
        if length > self._buffer.shape[2]:
            shape = list(self._buffer.shape)
            shape[2] = max(length, 2 * shape[2])
            buffer = self._buffer.new_empty(shape)
            buffer[:, :, : self.length] = self.tensor
            self._buffer = buffer
        self._buffer[:, :, self.length : length] = more
        self.length = length
