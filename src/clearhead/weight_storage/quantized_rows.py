"""Matrices in 8 bits with a scale for each row: half the bytes of float16.

A row is stored as whole numbers from -127 to 127 and a scale, which is at least 0. Several scales
are tried, and the one with the smallest squared error is used: a scale below max/127 clips the
largest numbers of a row and rounds all others more finely. A number is read as its whole number
times its row's scale: a float32 product, rounded once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

LARGEST = 127
"""The largest whole number; -128 is not used, so a row and its negative are treated alike."""

# The multiples of max/127 that are tried. On the bundled model's matrices, 1 alone has a relative
# error of 0.00716; 1 to 0.845 has 0.00706, and these 0.00700; twice as many gain a thousandth more.
_FACTORS = tuple(np.float32(1.02 - 0.005 * i) for i in range(32))
MOST_SCALE = float(np.finfo(np.float32).max / 128)
"""The largest scale for which every product is finite."""
_BLOCK = 1 << 16  # numbers rounded at once, which fit in the cache


class Rows(NamedTuple):
    """A matrix in 8 bits.

    Attributes:
        numbers: int8 [rows, columns].
        scales: float32 [rows].
    """

    numbers: Array
    scales: Array


def quantize(matrix: Array) -> Rows:
    """Return the rows of a matrix in 8 bits, each with the best scale of those tried.

    A row of zeros gets the scale 0, and is read as zeros.

    Args:
        matrix: float32 [rows, columns], finite.
    """
    numbers = np.empty(matrix.shape, np.int8)
    scales = np.empty(len(matrix), np.float32)
    step = max(1, _BLOCK // max(1, matrix.shape[1]))
    for i in range(0, len(matrix), step):
        block = matrix[i : i + step]
        scales[i : i + step] = best = _best_scales(block)
        numbers[i : i + step] = _rounded(block, best)
    return Rows(numbers, scales)


def dequantize(numbers: Array, scales: Array, out: Array) -> None:
    """Write numbers times scales: each product in float32, rounded once.

    Args:
        numbers: int8 [rows, columns].
        scales: float32 [rows].
        out: float32 [rows, columns]; the result is written there.
    """
    out[:] = numbers
    out *= scales[:, np.newaxis]


def row_errors(matrix: Array, rows: Rows) -> Array:
    """Return the norm of each row's error relative to the row's norm; 0 for a row of zeros."""
    wide = np.asarray(matrix, np.float64)
    difference = rows.numbers * rows.scales[:, np.newaxis] - wide
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    errors = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return np.divide(errors, lengths, out=np.zeros_like(errors), where=lengths > 0)


def _best_scales(block: Array) -> Array:
    """Return the scale with the smallest squared error for each row."""
    widest = np.abs(block).max(axis=1, initial=0)
    # Rows are scaled to a largest number of 1, so that no square overflows or underflows float32.
    unit = np.divide(block, widest[:, np.newaxis], out=np.zeros_like(block),
                     where=widest[:, np.newaxis] > 0)  # fmt: skip
    best = np.full_like(widest, _FACTORS[0] / LARGEST)
    least = _squared_errors(unit, best)
    for factor in _FACTORS[1:]:
        _keep_better(unit, np.full_like(widest, factor / LARGEST), best, least)
    # The least-squares scale for these whole numbers: <numbers, row> / <numbers, numbers>.
    numbers = _rounded(unit, best)
    sizes = np.maximum(np.einsum("ij,ij->i", numbers, numbers), 1)
    _keep_better(unit, np.einsum("ij,ij->i", numbers, unit) / sizes, best, least)
    with np.errstate(over="ignore"):
        return np.minimum(best * widest, np.float32(MOST_SCALE))


def _keep_better(rows: Array, scales: Array, best: Array, least: Array) -> None:
    """Replace the best scales by those given where their error is smaller."""
    errors = _squared_errors(rows, scales)
    better = errors < least
    best[better], least[better] = scales[better], errors[better]


def _rounded(rows: Array, scales: Array) -> Array:
    """Return rows divided by their scales and rounded, in float32; zeros for a scale of 0."""
    column = scales[:, np.newaxis]
    numbers = np.divide(rows, column, out=np.zeros_like(rows), where=column > 0)
    np.rint(numbers, out=numbers)
    return np.clip(numbers, -LARGEST, LARGEST, out=numbers)


def _squared_errors(rows: Array, scales: Array) -> Array:
    difference = _rounded(rows, scales)
    difference *= scales[:, np.newaxis]
    difference -= rows
    return np.einsum("ij,ij->i", difference, difference)
