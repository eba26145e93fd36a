"""The keys that a query attends to most, exactly, without sorting whole rows.

A row is divided into blocks. The k largest entries lie in the k blocks with the largest maxima,
because any entry elsewhere is below those k maxima. So the maxima of all blocks are computed in one
vectorised pass over the row, the k largest are selected, and then the k largest entries of their
blocks. With about sqrt(row / k) entries in a block, each of the two selections is among about
sqrt(row * k) numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float, Int
from .base import Accumulator, Measure, PassContext, Tile

_STRETCH = 64
# Rows up to this length are sorted whole. NumPy sorts up to 256 numbers by vector instructions
# alone.
_SORTED = range(48, 257)
_SPARE_BITS = (1 << 29) - 1


class TopKeys(NamedTuple):
    """The keys that each query attends to most, most first.

    Attributes:
        values: their weights or contributions; 0 where a query attends to fewer keys.
        indices: the keys; -1 there.
    """

    values: Float[Tensor, "batch heads query_len k"]
    indices: Int[Tensor, "batch heads query_len k"]


@dataclass(frozen=True)
class TopK(Measure[TopKeys]):
    """The ``k`` keys of each query with the largest weight or contribution: TopKeys.

    A contribution is the weight times the Euclidean norm of the key's value: a large weight may
    carry next to nothing (arXiv 2410.10781).
    """

    k: int = 8
    by: str = "weight"
    name: ClassVar[str] = "topk"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError(f"topk(k) needs k of at least 1, not {self.k}.")
        if self.by not in ("weight", "contribution"):
            raise ConfigError(f"topk is by 'weight' or by 'contribution', not by {self.by!r}.")

    @property
    def needs_values(self) -> bool:  # type: ignore[override]
        """Whether the map must have kept its values."""
        return self.by == "contribution"

    def begin(self, context: PassContext) -> Accumulator[TopKeys]:
        return _TopK(context, self)


class _TopK(Accumulator[TopKeys]):
    def __init__(self, context: PassContext, measure: TopK) -> None:
        super().__init__()
        self.k = measure.k
        self.norms = context.value_norms if measure.needs_values else None
        self.values = context.per_query(measure.k)
        self.indices = context.per_query(measure.k, dtype=torch.int64, fill=-1)

    def add(self, tile: Tile) -> None:
        entries = tile.weights
        if self.norms is not None:
            norms = self.norms[tile.keys][..., None, :]
            entries = torch.mul(tile.weights, norms, out=tile.scratch)
        values, indices = largest(entries.flatten(0, -2), self.k)
        indices += tile.columns.start
        indices.masked_fill_(values <= 0, -1)
        size = (*entries.shape[:-1], values.shape[-1])
        ranks = slice(0, size[-1])
        self.values[(*tile.queries, ranks)] = values.reshape(size)
        self.indices[(*tile.queries, ranks)] = indices.reshape(size)

    def result(self) -> TopKeys:
        return TopKeys(self.values, self.indices)


def largest(
    rows: Float[Tensor, "rows columns"], k: int
) -> tuple[Float[Tensor, "rows entries"], Int[Tensor, "rows entries"]]:
    """Return values and indices of the k largest entries of each row, largest first.

    Args:
        rows: numbers, none below 0.
        k: how many; where there are fewer columns, all of them.
    """
    count, width = rows.shape
    # Block b holds the columns b, b + blocks, b + 2 blocks, ..., so that the maxima of all blocks
    # are elementwise maxima of stretches of the row. Stretches whose length is no multiple of a
    # vector register take three times as long.
    blocks = max(round(math.sqrt(width * k) / _STRETCH), 1) * _STRETCH
    depth = width // blocks
    if width in _SORTED and depth < 4 and k <= width:
        return _sorted_top(rows, k)
    if rows.is_cuda or depth < 4 or blocks < 2 * k:
        top = rows.topk(min(k, width), -1)
        return top.values, top.indices
    # The maxima of all blocks; some blocks may have one entry more than others.
    body = rows[:, : depth * blocks].unflatten(1, (depth, blocks))
    rest = rows[:, depth * blocks :]
    highest = body.amax(1)
    if rest.shape[1]:
        torch.maximum(highest[:, : rest.shape[1]], rest, out=highest[:, : rest.shape[1]])
    # The k blocks with the largest maxima, and all of their entries.
    _, top_blocks = _sorted_top(highest, k)
    candidates = rows.new_empty((count, depth + 1, k))
    torch.gather(body, 2, top_blocks[:, None].expand(-1, depth, -1), out=candidates[:, :depth])
    # The blocks that reach into the rest have one entry more.
    last = F.pad(rest, (0, blocks - rest.shape[1]), value=-1.0)
    torch.gather(last, 1, top_blocks, out=candidates[:, depth])
    # The k largest of these, and their indices in the row.
    values, place = _sorted_top(candidates.flatten(1), k)
    layer = place.div(k, rounding_mode="floor")
    return values, layer * blocks + top_blocks.gather(1, place - layer * k)


def _sorted_top(
    x: Float[Tensor, "rows columns"], k: int
) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
    """Return values and indices of the k largest entries of short rows, largest first.

    torch.topk keeps a heap of the best entries so far, with branches that a processor cannot
    predict: 1.9 us for 192 random numbers. NumPy sorts the row as 64-bit integers with vector
    instructions in 0.4 us. A float32 stored as a float64 leaves 29 bits for the index of its
    column, and the bits of numbers of one sign, read as integers, have the order of the numbers.
    """
    if x.dtype != torch.float32 or x.is_cuda:
        top_entries = x.topk(k, -1)
        return top_entries.values, top_entries.indices
    width = x.shape[1]
    bits = x.double().view(torch.int64)
    bits |= torch.arange(width - 1, -1, -1)  # of equal numbers the first is the largest
    bits.numpy().sort(-1)
    top = bits[:, -k:].flip(-1)
    place = top & _SPARE_BITS
    return (top ^ place).view(torch.float64).float(), width - 1 - place
