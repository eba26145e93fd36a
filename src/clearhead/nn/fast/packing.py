"""Packs the real tokens of padded texts into consecutive rows.

Norms, projections and feed-forward layers treat all rows independently, so a layer that gets only
the rows of real tokens spends no time on padding. Attention needs the texts as a batch: queries,
keys and values are unpacked for it, and its result is packed again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...shapes import Bool, Float, Int, Shaped

_WORTHWHILE = 0.98  # share of real positions above which moving rows costs more than it saves


class Packing:
    """The places of the real tokens of a batch.

    Attributes:
        shape: of the batch, (texts, positions).
        rows: the index of each real token among all positions of all texts.
        columns: the position of each real token in its text.
    """

    rows: Int[Tensor, "real"]
    columns: Int[Tensor, "real"]

    def __init__(self, real: Bool[Tensor, "batch length"]) -> None:
        self.shape = real.shape
        flat = real.flatten()
        self.rows = flat.nonzero().squeeze(1)
        self.columns = self.rows % real.shape[1]
        # Padding gets the row of the real token before it; any finite row would do.
        self._sources = (flat.cumsum(0) - 1).clamp_(min=0)
        self._padding = (~flat).nonzero().squeeze(1)

    def pack(self, x: Shaped[Tensor, "batch length *rest"]) -> Shaped[Tensor, "real *rest"]:
        """Return the rows of real tokens; the gradient of padding is zero."""
        rows: Tensor = _Pack.apply(x.flatten(0, 1), self)
        return rows

    def unpack(self, x: Float[Tensor, "real width"]) -> Float[Tensor, "batch length width"]:
        """Return packed rows at their original places; padding gets finite, meaningless values.

        Users of the result must ignore padding: no gradient flows back from there.
        """
        padded: Tensor = _Unpack.apply(x, self)
        return padded.unflatten(0, self.shape)

    def select(self, x: Tensor) -> Tensor:
        """Return the rows of real tokens from the rows of all positions."""
        return x.index_select(0, self.rows)

    def spread(self, x: Tensor) -> Tensor:
        """Return a row for every position; padding gets another token's row."""
        return x.index_select(0, self._sources)

    def clear(self, x: Tensor) -> Tensor:
        """Set the rows of padding to zero, in place."""
        return x.index_fill_(0, self._padding, 0) if len(self._padding) else x


class _Pack(torch.autograd.Function):
    """Select the rows of real tokens."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, packing: Packing) -> Tensor:
        ctx.packing = packing
        return packing.select(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.packing.clear(ctx.packing.spread(grad)), None


class _Unpack(torch.autograd.Function):
    """Put packed rows at their original places."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, packing: Packing) -> Tensor:
        ctx.packing = packing
        return packing.spread(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.packing.select(grad), None


def packing_of(real: Bool[Tensor, "batch length"]) -> Packing | None:
    """Return the packing of a batch; None if hardly any position is padding, or all are."""
    count = int(real.sum())
    return Packing(real) if 0 < count < _WORTHWHILE * real.numel() else None
