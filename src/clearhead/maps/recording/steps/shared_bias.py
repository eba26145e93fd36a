"""A bias that all steps of a generation share, stored once.

A relative bias (T5) depends on the distance from query to key only, and BLOOM's form of ALiBi on
the key only. Each step has a row of it, as long as the text. If every row agrees with the rows
before, one row is kept, and memory stays linear in the text.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ....shapes import Float
from ...scores.bias import DenseBias, ToeplitzBias
from ...scores.masks.key_ranges import KeyRanges
from ...scores.merged_scoring import CallScoring
from ..storage import GrowingTensor


class SharedBias:
    """One row of numbers with which the biases of all steps so far agree.

    Args:
        row: of the first step.
        by_distance: whether the row is indexed by the distance back from each query's own key; else
            by the key.
    """

    def __init__(self, row: Float[Tensor, "1 #heads length"], by_distance: bool) -> None:
        self.by_distance = by_distance
        self._row = GrowingTensor(row.clone()[..., None])

    @property
    def nbytes(self) -> int:
        """Memory of the row."""
        return self._row.tensor.nbytes

    def add(self, part: CallScoring) -> bool:
        """Return whether the bias of a further step agrees, and extend the row by what is new."""
        row = _row(part, by_distance=self.by_distance)
        if row is None or row.shape[:2] != self._row.tensor.shape[:2]:
            return False
        mine, row = self._row.tensor, row[..., None]
        length = min(mine.shape[2], row.shape[2])
        if row.dtype != mine.dtype or not torch.equal(mine[:, :, :length], row[:, :, :length]):
            return False
        self._row.append(row[:, :, length:])
        return True

    def of(self, query_len: int, key_len: int) -> ToeplitzBias | DenseBias:
        """Return the bias of the queries at the last keys.

        Queries attend to no key behind their own, so the bias of those keys does not matter.
        """
        row = self._row.tensor[..., :key_len, 0]
        if not self.by_distance:
            return DenseBias(row[:, :, None])
        behind = row.new_zeros(*row.shape[:2], query_len - 1)
        return ToeplitzBias(torch.cat([row.flip(-1), behind], -1), query_len)


SharedBiases = tuple[SharedBias, ...]


def add_part(parts: list[CallScoring], part: CallScoring, shared: SharedBiases) -> SharedBiases:
    """Append the scoring of a further step, without its bias if all steps share one.

    Args:
        parts: the steps so far, changed in place.
        part: the further step.
        shared: the biases that they may share.

    Returns:
        The biases that all steps may share; () where each keeps its own.
    """
    if len(parts) == 1:
        shared = _of_first(parts[0])
    stays = tuple(bias for bias in shared if bias.add(part))
    if stays:
        if len(parts) == 1:
            parts[0] = _without_bias(parts[0])
        parts.append(_without_bias(part))
        return stays
    if shared and len(parts) > 1:  # restore the biases of the steps so far
        for place, one in enumerate(parts):
            bias = shared[0].of(one.query_len, one.key_len)
            parts[place] = replace(one, scoring=replace(one.scoring, bias=bias))
    parts.append(part)
    return ()


def _of_first(part: CallScoring) -> SharedBiases:
    """Return the shared biases that fit the bias of a first step."""
    ways = ((way, _row(part, by_distance=way)) for way in (True, False))
    return tuple(SharedBias(row, way) for way, row in ways if row is not None)


def _row(part: CallScoring, *, by_distance: bool) -> Float[Tensor, "1 #heads key_len"] | None:
    """Return the bias of a step as one row; None if it is not one."""
    bias = part.scoring.bias
    if bias is None or part.offset or bias.values.shape[0] > 1 or not _is_causal(part):
        return None
    if isinstance(bias, ToeplitzBias):
        return bias.values[..., : part.key_len].flip(-1) if by_distance else None
    values = bias.values
    if values.shape[2] > 1 or values.shape[3] != part.key_len:
        return None
    if by_distance:
        return values[:, :, 0].flip(-1) if part.query_len == 1 else None
    return values[:, :, 0]


def _is_causal(part: CallScoring) -> bool:
    """Return whether no query attends to a key behind its own."""
    mask = part.scoring.mask
    if not isinstance(mask, KeyRanges):
        return mask is None and part.query_len == 1
    own = torch.arange(part.key_len - part.query_len, part.key_len, device=mask.end.device)
    return bool((mask.end <= own + 1).all())


def _without_bias(part: CallScoring) -> CallScoring:
    return replace(part, scoring=replace(part.scoring, bias=None))
