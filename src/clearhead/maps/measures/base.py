"""A measure: a quantity of an attention map that is summed up tile by tile.

A tile holds all keys that its queries may attend to, so its weights are final and no measure needs
a second pass. Measures that are requested together share the tiles.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from ...shapes import Float, Float64, Shaped

Result = TypeVar("Result")
"""What a measure finds of a whole map: a tensor, or a tuple of them."""


@dataclass(frozen=True)
class Tile:
    """Some rows of some heads of an attention map, with every key that may be attended to.

    Attributes:
        batch, heads, rows, columns: which part of the map it is; slices with both ends.
        weights: 0 where a query may not attend.
        scratch: a tensor to work in; its contents are undefined.
        highest: the highest score of each query; -inf for one that may attend to nothing. Only
            where a measure needs scores.
        log_sum: log of the denominator minus ``highest``; only where a measure needs scores.
        mean_gap: the sum of weight times (highest - score); only where a measure needs scores.
        total: the sum of the weights; None where it is 1.
    """

    batch: slice
    heads: slice
    rows: slice
    columns: slice
    weights: Float[Tensor, "batch heads rows columns"]
    scratch: Float[Tensor, "batch heads rows columns"]
    highest: Float[Tensor, "batch heads rows"] | None = None
    log_sum: Float[Tensor, "batch heads rows"] | None = None
    mean_gap: Float[Tensor, "batch heads rows"] | None = None
    total: Float[Tensor, "batch heads rows"] | None = None

    @property
    def lse(self) -> Float[Tensor, "batch heads rows"] | None:
        """Log of the denominator, with the rounding of a number of its size."""
        if self.highest is None or self.log_sum is None:
            return None
        return (self.highest + self.log_sum).to(self.log_sum.dtype)

    @property
    def mean_score(self) -> Float[Tensor, "batch heads rows"] | None:
        """The sum of weight times score, with the rounding of a number of its size."""
        if self.highest is None or self.mean_gap is None:
            return None
        highest = self.highest.masked_fill(self.highest == -torch.inf, 0)
        total = highest if self.total is None else highest * self.total
        return (total - self.mean_gap).to(self.mean_gap.dtype)

    @property
    def queries(self) -> tuple[slice, slice, slice]:
        """The index of its rows in a tensor ["batch heads query_len"]."""
        return self.batch, self.heads, self.rows

    @property
    def keys(self) -> tuple[slice, slice, slice]:
        """The index of its columns in a tensor ["batch heads key_len"]."""
        return self.batch, self.heads, self.columns


@dataclass(frozen=True)
class PassContext:
    """What a measure needs to know of a map before the first tile.

    Attributes:
        shape: (batch, heads, query_len, key_len).
        dtype: of scores and weights.
        device: of the tensors.
        query_offset: the key at which query 0 stands.
        value_norms: Euclidean norms of the values; None where values were not kept.
    """

    shape: tuple[int, int, int, int]
    dtype: torch.dtype
    device: torch.device
    query_offset: int = 0
    value_norms: Float[Tensor, "batch heads key_len"] | None = None

    def per_query(
        self, *more: int, dtype: torch.dtype | None = None, fill: float = 0
    ) -> Shaped[Tensor, "batch heads query_len *more"]:
        """Return a tensor to write the results of queries into."""
        size = (*self.shape[:3], *more)
        return torch.full(size, fill, dtype=dtype or self.dtype, device=self.device)

    def sums(self, *more: int) -> Float64[Tensor, "batch heads *more"]:
        """Return zeros to add many tiles to, in float64."""
        return torch.zeros((*self.shape[:2], *more), dtype=torch.float64, device=self.device)


class Accumulator(ABC, Generic[Result]):
    """The sums of a measure during a pass. Several threads add tiles, each tile once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # held while adding to a sum that other tiles share

    @abstractmethod
    def add(self, tile: Tile) -> None:
        """Add what a tile contributes."""

    @abstractmethod
    def result(self) -> Result:
        """Return the result of the measure, after the last tile."""


class Measure(ABC, Generic[Result]):
    """A quantity of an attention map, computed tile by tile. Frozen, so that it can be a key."""

    name: ClassVar[str]
    needs_scores: ClassVar[bool] = False
    needs_values: bool = False

    @abstractmethod
    def begin(self, context: PassContext) -> Accumulator[Result]:
        """Return the empty sums for one pass over a map."""
