"""Probabilities and log-probabilities in single precision, as transformers computes them.

Whatever the precision of a model, transformers chooses tokens in float32. Sums are added in
float64 here and rounded once: PyTorch adds in float32, in an order of its own, so that its sums
may differ in the last bit.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Float


def log_normalizers(scores: Float[Array, "rows vocab"]) -> tuple[Array, Array]:
    """Return, for each row, its maximum and the logarithm of the sum of ``exp(score - maximum)``.

    Returns:
        two arrays Float["rows 1"], in the precision of the scores.
    """
    maxima = scores.max(axis=1, keepdims=True)
    # Row by row, so that intermediates stay in the processor's cache.
    sums = np.array([[np.exp(row - row.max()).sum(dtype=np.float64)] for row in scores])
    return maxima, np.log(sums).astype(scores.dtype)


def log_softmax(scores: Float[Array, "rows vocab"]) -> Float[Array, "rows vocab"]:
    """Return the log-probabilities of each row, in the precision of the scores."""
    return log_softmax_in_place(scores.copy())


def log_softmax_in_place(scores: Float[Array, "rows vocab"]) -> Float[Array, "rows vocab"]:
    """Write `log_softmax` of scores over them, and return them."""
    for row in scores:
        # In this order, as PyTorch subtracts: the last bit depends on it.
        row -= row.max()
        row -= np.log(np.exp(row).sum(dtype=np.float64)).astype(row.dtype)
    return scores


def softmax(scores: Float[Array, "values"]) -> Float[Array, "values"]:
    """Return the probabilities of one row, in the precision of the scores."""
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(dtype=np.float64).astype(scores.dtype)
