"""Biases, added to the scores, in memory linear in the length where that is exact.

A relative bias (T5, Raffel et al. 2020; ALiBi, Press et al. 2022) depends on j - i alone, so one
number per diagonal holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Bool, Float, Shaped
from .positions import ALL, Positions, chunks, indices, take


@dataclass(frozen=True, eq=False)
class ToeplitzBias:
    """A bias that depends on the distance alone: ``values[..., j - i + query_len - 1]``.

    Attributes:
        values: one for each diagonal.
        query_len: how many queries there are.
    """

    values: Float[Tensor, "#batch #heads diagonals"]
    query_len: int

    def tile(
        self, rows: Positions, columns: Positions, batch: Positions = ALL, heads: Positions = ALL
    ) -> Float[Tensor, "#batch #heads rows columns"]:
        """Return the bias of some queries and keys."""
        values = take(take(self.values, 1, heads), 0, batch)
        key_len = values.shape[-1] - self.query_len + 1
        i, j = (
            indices(positions, size, values.device)
            for positions, size in ((rows, self.query_len), (columns, key_len))
        )
        if isinstance(rows, slice) and isinstance(columns, slice) and len(i) and len(j):
            # Windows that move one to the right, last row first: copied far faster than gathered.
            first = int(j[0]) - int(i[-1]) + self.query_len - 1
            values = values[..., first : first + len(i) + len(j) - 1]
            return values.unfold(-1, len(j), 1).flip(-2)
        return values[..., j[None, :] - i[:, None] + (self.query_len - 1)]

    def describe(self) -> str:
        """Describe the bias in a few words."""
        return "bias by distance"

    def to(self, device: torch.device | str) -> ToeplitzBias:
        """Return the same on another device."""
        return ToeplitzBias(self.values.to(device), self.query_len)

    @property
    def nbytes(self) -> int:
        """The memory of the values."""
        return self.values.nbytes


@dataclass(frozen=True, eq=False)
class DenseBias:
    """Any other bias."""

    values: Float[Tensor, "#batch #heads #query_len #key_len"]

    def tile(
        self, rows: Positions, columns: Positions, batch: Positions = ALL, heads: Positions = ALL
    ) -> Float[Tensor, "#batch #heads #rows #columns"]:
        """Return the bias of some queries and keys."""
        values = take(take(take(self.values, 1, heads), 0, batch), 2, rows)
        return take(values, 3, columns)

    def describe(self) -> str:
        """Describe the bias in a few words."""
        return f"bias {list(self.values.shape)}"

    def to(self, device: torch.device | str) -> DenseBias:
        """Return the same on another device."""
        return DenseBias(self.values.to(device))

    @property
    def nbytes(self) -> int:
        """The memory of the values."""
        return self.values.nbytes


def compact_bias(
    bias: Shaped[Tensor, "#batch #heads #query_len #key_len"],
    query_len: int,
    key_len: int,
    visible: Bool[Tensor, "#batch #heads #query_len #key_len"] | None = None,
) -> ToeplitzBias | DenseBias | None:
    """Return a bias in its smallest exact form; None where it is 0 everywhere.

    Args:
        bias: of four axes, some of which may be one wide.
        visible: a mask of the same shape; where it is False the bias may have any value.

    Raises:
        ConfigError: it is not floating.
    """
    if not bias.is_floating_point():
        raise ConfigError(
            f"A bias is floating, and added to the scores; this one is of {bias.dtype}. A boolean "
            f"one that says where a query may attend is a mask."
        )
    _, _, rows, columns = bias.shape
    if not _nonzero(bias, visible):
        return None
    if rows > 1 and columns > 1:
        by_key = _constant_along(bias, visible, skewed=False)
        if by_key is not None:
            return DenseBias(by_key[:, :, None, :])
        by_distance = _constant_along(bias, visible, skewed=True)
        if by_distance is not None:
            return ToeplitzBias(by_distance, query_len)
    elif rows == 1 and visible is None:
        return DenseBias(bias.clone())
    return DenseBias(bias.clone() if visible is None else bias.masked_fill(~visible, 0))


def _nonzero(
    bias: Float[Tensor, "batch heads rows columns"],
    visible: Bool[Tensor, "batch heads rows columns"] | None,
) -> bool:
    """Return whether the bias differs from 0 at any visible place."""
    width = bias.shape[0] * bias.shape[1] * bias.shape[3]
    for part in chunks(bias.shape[2], width):
        counts = bias[:, :, part] != 0
        if visible is not None:
            counts &= visible[:, :, part]
        if bool(counts.any()):
            return True
    return False


def _constant_along(
    bias: Float[Tensor, "batch heads rows columns"],
    visible: Bool[Tensor, "batch heads rows columns"] | None,
    *,
    skewed: bool,
) -> Float[Tensor, "batch heads lines"] | None:
    """Return the value of each column, or of each diagonal if skewed; None if one is not constant.

    The rows are visited once, keeping the highest and lowest value of each column or diagonal; it
    is constant if they agree. One with no visible place gets 0.
    """
    batch, heads, rows, columns = bias.shape
    lines = rows + columns - 1 if skewed else columns
    highest = bias.new_full((batch, heads, lines), -torch.inf)
    lowest = bias.new_full((batch, heads, lines), torch.inf)
    step = 64  # skewing widens a chunk by its number of rows
    for first in range(0, rows, step):
        part = bias[:, :, first : first + step]
        count = part.shape[2]
        low = high = part
        # Hidden places must not change either extreme.
        if visible is not None:
            hidden = ~visible[:, :, first : first + count]
            high = part.masked_fill(hidden, -torch.inf)
            low = part.masked_fill(hidden, torch.inf)
        # Diagonals become columns; these rows touch only some of them.
        where = slice(0, columns)
        if skewed:
            high, low = _skewed(high, -torch.inf), _skewed(low, torch.inf)
            begin = rows - (first + count)
            where = slice(begin, begin + columns + count - 1)
        highest[..., where] = torch.maximum(highest[..., where], high.amax(2))
        lowest[..., where] = torch.minimum(lowest[..., where], low.amin(2))
        if bool((highest > lowest).any()):
            return None
    if bool(highest.isnan().any()):
        return None
    # Where nothing was visible, the lowest is above the highest. A bias may itself be -inf.
    return torch.where(highest < lowest, 0, highest)


def _skewed(
    x: Float[Tensor, "*lead rows columns"], fill: float
) -> Float[Tensor, "*lead rows diagonals"]:
    """Move each row to the right of the row below it, so that a diagonal becomes a column."""
    *lead, rows, columns = x.shape
    width = rows + columns - 1
    # Row r begins rows - 1 - r entries to the right. Written with a row length one shorter than
    # the true one, every row begins one entry earlier than the row above it.
    padded = x.new_full((*lead, rows * width + rows), fill)
    skew = padded[..., rows - 1 :].as_strided(
        (*lead, rows, columns),
        (*padded.stride()[:-1], width - 1, 1),
        padded.storage_offset() + rows - 1,
    )
    skew.copy_(x)
    return padded[..., : rows * width].unflatten(-1, (rows, width))
