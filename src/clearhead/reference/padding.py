"""Token sequences of different lengths as one array, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ShapeError
from ..shapes import Array, Int


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int, *, length: int | None = None
) -> Int[Array, "batch length"]:
    """Stack sequences of token ids as rows, padded with ``pad_id`` at the end.

    Args:
        sequences: one list of ids for each row.
        pad_id: the padding id.
        length: of the result; None means that of the longest sequence.

    Returns:
        token ids, int64.

    Raises:
        ShapeError: a sequence is longer than ``length``. Nothing is cut silently: `truncate`
            does that.
    """
    longest = max(map(len, sequences), default=0)
    length = longest if length is None else length
    if longest > length:
        row = next(i for i, ids in enumerate(sequences) if len(ids) > length)
        raise ShapeError(
            f"Sequence {row} has {len(sequences[row])} tokens and does not fit in {length}. "
            "Use truncate first if it may be cut."
        )
    ids = np.full((len(sequences), length), pad_id, np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    return ids


def truncate(
    sequences: Sequence[Sequence[int]], max_length: int, *, keep_last: int = 0
) -> list[list[int]]:
    """Cut sequences to ``max_length`` tokens.

    Args:
        sequences: lists of token ids.
        max_length: the most that each may have.
        keep_last: how many tokens to keep at the end, such as 1 for an end token.

    Raises:
        ShapeError: ``keep_last`` is more than ``max_length``.
    """
    if not 0 <= keep_last <= max_length:
        raise ShapeError(
            f"keep_last must lie between 0 and max_length ({max_length}); it is {keep_last}."
        )
    head = max_length - keep_last
    return [
        list(ids)
        if len(ids) <= max_length
        else [*ids[:head], *(ids[-keep_last:] if keep_last else ())]
        for ids in sequences
    ]


def lengths_of(ids: Int[Array, "batch length"], pad_id: int) -> Int[Array, "batch"]:
    """Return how many tokens each row has, up to the last that is not padding."""
    ends = np.where(ids != pad_id, np.arange(1, ids.shape[-1] + 1), 0)
    return ends.max(axis=-1, initial=0)
