"""Probabilities and log-probabilities in single precision, as transformers computes them.

Whatever the precision of a model, transformers chooses tokens in float32. Sums are added in
float64 here and rounded once: PyTorch adds in float32, in an order of its own, so that its sums
may differ in the last bit.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Float


def log_normalizers(scores: Float[Array, "rows vocab"]) -> tuple[Array, Array]:
    """Return of each row its maximum and the logarithm of the sum of ``exp(score - maximum)``.

    Returns:
        two arrays Float["rows 1"], in the precision of the scores.
    """
    maxima = scores.max(axis=1, keepdims=True)
    sums = np.exp(scores - maxima).sum(axis=1, keepdims=True, dtype=np.float64)
    return maxima, np.log(sums).astype(scores.dtype)


def log_softmax(scores: Float[Array, "rows vocab"]) -> Float[Array, "rows vocab"]:
    """Return the log-probabilities of each row, in the precision of the scores."""
    maxima, logarithms = log_normalizers(scores)
    # In this order, as PyTorch subtracts: the last bit depends on it.
    return scores - maxima - logarithms


def softmax(scores: Float[Array, "values"]) -> Float[Array, "values"]:
    """Return the probabilities of one row, in the precision of the scores."""
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(dtype=np.float64).astype(scores.dtype)
