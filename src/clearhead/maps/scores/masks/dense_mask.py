"""Masks of any form, held as one boolean per query and key."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....shapes import Bool, Int
from ..positions import ALL, Positions, as_slice, chunks, take
from .key_ranges import KeyRanges


@dataclass(frozen=True, eq=False)
class DenseMask:
    """A mask of any form. A query may attend to a key where all parts of it say so.

    Attributes:
        visible: True where a query may attend. Axes along which it is constant are one wide.
        ranges: a further restriction. Keeping it apart keeps common masks small: a causal mask over
            keys with holes is one row of keys and two numbers per query.
    """

    visible: Bool[Tensor, "#batch #heads #query_len #key_len"]
    ranges: KeyRanges | None = None

    def tile(
        self,
        rows: Positions,
        columns: Int[Tensor, "columns"],
        batch: Positions = ALL,
        heads: Positions = ALL,
    ) -> Bool[Tensor, "#batch #heads #rows #columns"]:
        """Return, for some queries and some keys, whether the query may attend to the key."""
        visible = self._visible_part(rows, batch, heads)[..., as_slice(columns)]
        if self.ranges is not None:
            visible = visible & self.ranges.tile(rows, columns, batch, heads)
        return visible

    def part(
        self, rows: Positions = ALL, batch: Positions = ALL, heads: Positions = ALL
    ) -> DenseMask:
        """Return the mask of some queries, batch rows and heads."""
        ranges = None if self.ranges is None else self.ranges.part(rows, batch, heads)
        return DenseMask(self._visible_part(rows, batch, heads), ranges)

    def _visible_part(
        self, rows: Positions, batch: Positions, heads: Positions
    ) -> Bool[Tensor, "#batch #heads #rows #key_len"]:
        return take(take(take(self.visible, 2, rows), 1, heads), 0, batch)

    def sees(self) -> Bool[Tensor, "#batch #heads #query_len"]:
        """Return whether each query may attend to any key."""
        if self.ranges is None:
            return self.visible.any(-1)
        columns = torch.arange(self.visible.shape[-1], device=self.device)
        rows = self.ranges.start.shape[-1]
        width = self.visible.shape[-1] * max(self.visible.shape[0], self.ranges.start.shape[0])
        width *= max(self.visible.shape[1], self.ranges.start.shape[1])
        return torch.cat([self.tile(part, columns).any(-1) for part in chunks(rows, width)], dim=-1)

    def intersect(self, ranges: KeyRanges) -> DenseMask:
        """Return the mask of the keys that both masks let a query attend to."""
        both = ranges if self.ranges is None else self.ranges.intersect(ranges)
        return DenseMask(self.visible, both)

    def describe(self) -> str:
        """Describe the mask in a few words."""
        return f"mask {list(self.visible.shape)}" + ("" if self.ranges is None else " in ranges")

    def to(self, device: torch.device | str) -> DenseMask:
        """Return the same mask on another device."""
        return DenseMask(
            self.visible.to(device), None if self.ranges is None else self.ranges.to(device)
        )

    @property
    def device(self) -> torch.device:
        """Where the mask is."""
        return self.visible.device

    @property
    def nbytes(self) -> int:
        """The bytes of the booleans and the ranges."""
        return self.visible.nbytes + (0 if self.ranges is None else self.ranges.nbytes)
