"""Rules on the next token: each sets log-probabilities of one step to minus infinity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engine.protocols import FloatArray, IntArray


def forbid_tokens(log_probs: FloatArray, tokens: Sequence[int]) -> None:
    """Forbid these tokens in all rows."""
    for token in tokens:
        log_probs[:, token] = -np.inf


def only_token(log_probs: FloatArray, rows: IntArray, tokens: IntArray | int) -> None:
    """Allow only this token in these rows, keeping its log-probability.

    Args:
        log_probs: Float["rows vocab"].
        rows: Int["constrained"], numbers of rows.
        tokens: one for all of them, or Int["constrained"], one each.
    """
    own_log_probs = log_probs[rows, tokens]
    log_probs[rows] = -np.inf
    log_probs[rows, tokens] = own_log_probs


def forbid_repeats(log_probs: FloatArray, row: int, prefix: Sequence[int], size: int) -> None:
    """Forbid tokens that would repeat an n-gram of ``size`` tokens in this row.

    Paulus et al. 2017, arXiv 1705.04304, section 2.5, for n-grams of any size.
    """
    if len(prefix) < size - 1 or size < 1:
        return
    context = tuple(prefix[len(prefix) - size + 1 :])
    banned = [
        prefix[start + size - 1]
        for start in range(len(prefix) - size + 1)
        if tuple(prefix[start : start + size - 1]) == context
    ]
    log_probs[row, banned] = -np.inf
