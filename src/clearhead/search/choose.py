"""Selects the likeliest tokens of each row, quickly and independently of other rows."""

from __future__ import annotations

import math

import numpy as np

from ..engine.protocols import FloatArray, IntArray


def top_tokens(log_probs: FloatArray, count: int) -> tuple[FloatArray, IntArray]:
    """Return the ``count`` largest entries of each row, largest first, and their columns.

    A large vocabulary is narrowed first: columns are divided into groups, and as the ``count``
    largest entries are in the ``count`` groups with the largest maxima, only these are sorted.
    Equal values come in the order of their columns; only among ties for the last place in a large
    vocabulary the choice is arbitrary, but the same whatever the other rows.

    Args:
        log_probs: Float["rows vocab"].
        count: at most ``vocab``.

    Returns:
        values Float["rows count"] and column numbers Int["rows count"].
    """
    vocab = log_probs.shape[1]
    groups = 1 << max(0, round(math.log2(math.sqrt(vocab * count))))
    if vocab < 8 * groups or count >= groups:
        return _sort(log_probs, None, count)
    # The count largest of the remaining columns, first in column order, for ties, and then in
    # descending order.
    columns = _promising_columns(log_probs, groups, count)
    rows = np.arange(len(log_probs))[:, None]
    values = log_probs[rows, columns]
    best = np.argpartition(values, values.shape[1] - count, axis=1)[:, -count:]
    best.sort(axis=1)
    return _sort(values[rows, best], columns[rows, best], count)


def _promising_columns(log_probs: FloatArray, groups: int, count: int) -> IntArray:
    """Return columns that contain each row's largest: best groups, and columns in no group."""
    rows, vocab = log_probs.shape
    depth = vocab // groups
    # Group g holds columns g, g + groups, ..., so that the maxima of all groups are elementwise
    # maxima of contiguous stretches, computed at the speed of memory.
    maxima = log_probs[:, : groups * depth].reshape(rows, depth, groups).max(axis=1)
    best = np.argpartition(maxima, groups - count, axis=1)[:, groups - count :]
    best.sort(axis=1)
    steps = np.arange(depth) * groups
    columns = (steps[None, :, None] + best[:, None, :]).reshape(rows, -1)
    if depth * groups == vocab:
        return columns
    rest = np.broadcast_to(np.arange(depth * groups, vocab), (rows, vocab - depth * groups))
    return np.concatenate((columns, rest), axis=1)


def _sort(values: FloatArray, columns: IntArray | None, count: int) -> tuple[FloatArray, IntArray]:
    """Return the first ``count`` of each row in descending order; ties keep their order."""
    rows = np.arange(len(values))[
        :, None
    ]  # faster than np.take_along_axis, which is written in Python
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return values[rows, order], order if columns is None else columns[rows, order]
