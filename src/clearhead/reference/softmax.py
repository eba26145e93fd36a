"""Softmax: numbers in, shares of one out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..shapes import Array, Float, Shaped


def softmax(x: Shaped[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """Return exp(x) / sum exp(x) along an axis.

    The largest number of each row is subtracted first, which changes nothing but keeps exp from
    overflowing. A row of nothing but -inf gives zeros: no key to attend to, no weight.

    Args:
        x: of any floating dtype; other numbers and truth values are read as float64.
        axis: the axis whose entries sum to 1.

    Returns:
        an array of the floating dtype of ``x``. Half precision is computed in float32
        and rounded once, at the end.
    """
    x = np.asarray(x)
    return softmax_in_place(x.astype(_working_dtype(x)), axis).astype(_dtype(x), copy=False)


def softmax_in_place(x: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """Write `softmax` of a floating array over it, and return that array."""
    lowest, smallest = _limits(x.dtype.char)
    # A highest of -inf would make -inf - -inf = NaN; from any finite number exp gives 0.
    x -= x.max(axis=axis, keepdims=True, initial=lowest)
    np.exp(x, out=x)
    # The highest entry gives exp(0) = 1, so only a row without entries has a smaller total.
    x /= np.maximum(x.sum(axis=axis, keepdims=True), smallest)
    return x


def log_softmax(x: Shaped[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """Return log softmax(x), computed so that no small share is rounded to log 0.

    Dtypes as in `softmax`; -inf stays -inf.
    """
    x = np.asarray(x)
    return log_softmax_in_place(x.astype(_working_dtype(x)), axis).astype(_dtype(x), copy=False)


def log_softmax_in_place(x: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """Write `log_softmax` of a floating array over it, and return that array."""
    lowest, smallest = _limits(x.dtype.char)
    x -= x.max(axis=axis, keepdims=True, initial=lowest)
    total = np.exp(x).sum(axis=axis, keepdims=True)
    x -= np.log(np.maximum(total, smallest))
    return x


@cache
def _limits(dtype: str) -> tuple[Any, Any]:
    """Return the lowest finite and the smallest positive number of a floating dtype."""
    limits = np.finfo(dtype)
    return limits.min, limits.tiny


def _dtype(x: Array) -> np.dtype[Any]:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)


def _working_dtype(x: Array) -> np.dtype[Any]:
    return np.dtype(np.float32) if x.dtype.char == "e" else _dtype(x)
