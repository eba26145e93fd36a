"""Small pictures of whole attention maps of any length, computed tile by tile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...shapes import Array
from ..answers.overview import pooled
from ..contract.stopping import check, check_from_anywhere

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap
    from ...maps.scores.masks.key_ranges import KeyRanges

CHUNK = 1 << 22  # entries of a mask read at a time


@dataclass(frozen=True, eq=False)
class Picture:
    """The picture of one attention in one row of the batch.

    Attributes:
        weights: the largest weight of each block, Float32["heads rows columns"].
        entropy: -sum_j w_ij ln w_ij in nats, Float64["heads"], averaged over the queries that
            attend to anything.
        masked: UInt8["rows columns"], 1 where no query of the block may attend to any key of it,
            in any head.
    """

    weights: Array
    entropy: Array
    masked: Array

    @property
    def nbytes(self) -> int:
        """The memory of the arrays in bytes."""
        return self.weights.nbytes + self.entropy.nbytes + self.masked.nbytes


def picture(one: AttentionMap, block: tuple[int, int]) -> Picture:
    """Draw a small picture of each head.

    Args:
        one: a map with a batch of 1. It caches the log-sum-exp that is computed on the way.
        block: the number of queries and of keys in a cell.

    Raises:
        QuestionCancelled: the question was cancelled.
    """
    from ...maps.measures.per_position import Entropy, LogSumExp
    from ...maps.measures.pooled import Blocks

    blocks = Blocks(*block)
    measures = one.measure(blocks, Entropy(), LogSumExp(), check=check_from_anywhere())
    weights = measures[blocks][0].cpu().numpy().astype(np.float32)
    seeing = (measures[LogSumExp()][0] > -math.inf).sum(-1).cpu().numpy()
    entropy = measures[Entropy()][0].double().sum(-1).cpu().numpy()
    masked = np.zeros(weights.shape[1:], np.uint8)
    dark = (weights == 0).all(axis=0)  # a weight may underflow float32 without being masked
    if dark.any():
        masked = (dark & ~_visible(one, block)).astype(np.uint8)
    return Picture(weights, entropy / np.maximum(seeing, 1), masked)


def together(pieces: Sequence[Picture]) -> Picture:
    """Join the pictures of groups of heads into the picture of all."""
    if len(pieces) == 1:
        return pieces[0]
    return Picture(
        np.concatenate([one.weights for one in pieces]),
        np.concatenate([one.entropy for one in pieces]),
        np.min([one.masked for one in pieces], axis=0),
    )


def _visible(one: AttentionMap, block: tuple[int, int]) -> Array:
    """Return where any head's mask and bias let anything through, Bool["rows columns"]."""
    import torch

    from ...maps.scores.masks.key_ranges import KeyRanges

    scoring, (_, _, queries, keys) = one.scoring, one.shape
    forbids = scoring.bias is not None and bool(torch.isneginf(scoring.bias.values).any())
    if scoring.mask is None and not forbids and scoring.score_mod is None:
        return np.ones((-(-queries // block[0]), -(-keys // block[1])), bool)
    if isinstance(scoring.mask, KeyRanges) and not forbids and scoring.score_mod is None:
        return _ranges_visible(scoring.mask, block, queries, keys)
    return _entries_visible(one, block)


def _ranges_visible(ranges: KeyRanges, block: tuple[int, int], queries: int, keys: int) -> Array:
    """Return the same for masks where each query sees one run of keys.

    A run covers the cells of its first and last key, and all between them.
    """
    start, end = (
        each.expand(*each.shape[:2], queries).reshape(-1, queries).long().clamp(0, keys).numpy()
        for each in (ranges.start.cpu(), ranges.end.cpu())
    )
    rows, columns = -(-queries // block[0]), -(-keys // block[1])
    row = np.broadcast_to(np.arange(queries) // block[0], start.shape)
    nonempty = end > start
    # +1 where a run begins and -1 after its end: the cumulative sum is positive inside runs.
    steps = np.zeros((rows, columns + 1), np.int64)
    np.add.at(steps, (row[nonempty], start[nonempty] // block[1]), 1)
    np.add.at(steps, (row[nonempty], (end[nonempty] - 1) // block[1] + 1), -1)
    return np.asarray(steps.cumsum(axis=1)[:, :-1] > 0)


def _entries_visible(one: AttentionMap, block: tuple[int, int]) -> Array:
    """Return the same for any mask, bias and score_mod, from the scores themselves."""
    _, heads, queries, keys = one.shape
    height = max(CHUNK // (heads * keys), 1)
    visible = np.zeros((-(-queries // block[0]), -(-keys // block[1])), bool)
    for first in range(0, queries, height):
        check()
        scores = one.scores[0, :, first : first + height].cpu().numpy()
        blocks = pooled(np.asarray(~np.isneginf(scores).all(axis=0)), (1, block[1]))
        for offset, row in enumerate(blocks):
            visible[(first + offset) // block[0]] |= row
    return visible
