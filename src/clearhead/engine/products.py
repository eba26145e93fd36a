"""Matrix products whose rows do not depend on the rows beside them, bit for bit.

In a BLAS library, the rounding of a row of a product depends on the number of rows, on its place
among them, and on the number of threads: few rows are computed by another routine than many, and
rows of an incomplete tile by another than those of a complete one. The score of a translation would
then depend on the rest of its batch. This module has three ways to multiply by a weight. In all of
them each call to the library is too small to be divided among threads.

`Tiles` suits kernels that treat all rows of a small product alike, as OpenBLAS does on processors
with AVX-512. Every product is made of small ones: at most 33 rows by 64 columns, the inner axis in
pieces of at most 256, and a row alone is computed as two equal rows, never by the matrix-vector
routine. With AVX-512 OpenBLAS multiplies so small matrices without repacking them, so this is
faster than whole products too: 4 rows by 256 x 10,000 take a tenth of the time. Kernels that would
divide such a product among threads are given half as many rows, which changes no bit.

`Rows` suits all others, such as OpenBLAS's kernels for AVX2 (Haswell, Zen). A sequence of several
positions is a product of its own, in tiles whose places do not depend on other sequences; a
sequence of one position, as in decoding, is a matrix-vector product. So a row's result depends on
its own sequence alone.

`Whole` multiplies everything at once. It is for libraries that fail the probe of both.

The choice among them is made by probing the library itself when the first weight is prepared, not
by the name of the processor: see `method`.

`INDEPENDENT_ROWS` makes a `clearhead.reference.transformer.Transformer` multiply in this way. All
three ways copy each weight into a layout of their own; `clearhead.engine.in_place.IN_PLACE` reads
it in place, without independent rows.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np

from ..reference.products import Products
from ..shapes import Array, Float
from .pieces import ONE_THREAD_MATRIX, ONE_THREAD_PRODUCT, pieces_of
from .rows import Rows
from .tiles import Tiles

_COLUMNS = 64  # the columns of a matrix are filled up with zeros to a multiple of this


class SequenceProduct(Protocol):
    """Multiplies sequences of rows by one matrix, which is prepared for many calls."""

    def __init__(self, matrix: Float[Array, "in out"]) -> None: ...

    def __call__(self, x: Float[Array, "batch length in"]) -> Float[Array, "batch length out"]:
        """Multiply each row of each sequence by the matrix."""
        ...

    def rows(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Multiply rows, each of which is a sequence of one position, by the matrix."""
        ...


class Whole:
    """One product of all rows: the fallback, whose rows may depend on each other's number."""

    def __init__(self, matrix: Float[Array, "in out"]) -> None:
        self._matrix = np.ascontiguousarray(matrix)

    def __call__(self, x: Float[Array, "batch length in"]) -> Float[Array, "batch length out"]:
        """Multiply each row of each sequence by the matrix."""
        return self.rows(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)

    def rows(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Multiply rows by the matrix."""
        return rows @ self._matrix


def multiply(
    a: Float[Array, "*lead rows inner"], b: Float[Array, "*lead inner columns"]
) -> Float[Array, "*lead rows columns"]:
    """Return ``a @ b`` for attention, in pieces that a BLAS library computes in one thread.

    Each matrix of the leading axes is a separate product, so its bits depend on nothing else.
    """
    rows, inner = a.shape[-2:]
    columns = b.shape[-1]
    if rows == 1:
        step = max(ONE_THREAD_MATRIX // max(inner, 1) // 8 * 8, 8)
        if columns > step:
            pieces = pieces_of(columns, step)
            return np.concatenate([a @ b[..., piece] for piece in pieces], axis=-1)
        return a @ b
    step = ONE_THREAD_PRODUCT // max(inner * columns, 1)
    # For texts much longer than sentences, many small products are not worth their time.
    if rows > step >= 16:
        pieces = pieces_of(rows, step)
        return np.concatenate([a[..., piece, :] @ b for piece in pieces], axis=-2)
    return a @ b


class ProductByWeight:
    """x W^T, prepared for many calls.

    Args:
        weight: W.
    """

    def __init__(self, weight: Float[Array, "out in"]) -> None:
        (out_dim, in_dim), self._dtype = weight.shape, weight.dtype
        self._out_dim, self._in_dim = out_dim, in_dim
        self._width = -(-out_dim // _COLUMNS) * _COLUMNS
        padded = np.zeros((self._width, in_dim), self._dtype)
        padded[:out_dim] = weight
        kinds: dict[str, type[SequenceProduct]] = {"tiles": Tiles, "rows": Rows, "whole": Whole}
        self._product = kinds[method(self._dtype)](padded.T)

    def __call__(self, x: Float[Array, "... in"]) -> Float[Array, "... out"]:
        """Return x W^T, with each sequence (the last axis but one) multiplied separately.

        In step-by-step decoding, sequences have one position.
        """
        if not x.size:
            return np.zeros((*x.shape[:-1], self._out_dim), np.result_type(x, self._dtype))
        length = x.shape[-2] if x.ndim > 1 else 1
        sequences = x if x.ndim == 3 else x.reshape(-1, length, self._in_dim)
        result = self._product(sequences)
        if self._width != self._out_dim:
            result = result[..., : self._out_dim]
        return result if x.ndim == 3 else result.reshape(*x.shape[:-1], self._out_dim)

    def rows(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Return the product of rows, one or more, each of which is a sequence of one position."""
        product = self._product.rows(rows)
        return product if self._width == self._out_dim else product[:, : self._out_dim]


def by_weight(weight: Float[Array, "out in"]) -> ProductByWeight:
    """Prepare x W^T for many calls: see `ProductByWeight`."""
    return ProductByWeight(weight)


INDEPENDENT_ROWS = Products(by_weight, multiply)


@cache
def method(dtype: Any = np.float32) -> str:
    """Return the way to multiply that keeps rows independent with this BLAS library.

    Returns:
        ``tiles`` or ``rows``, the first to pass a probe; ``whole`` if neither does, in which case
        the last bits of a score may depend on the batch. With `clearhead.engine.in_place.IN_PLACE`
        they may on every machine.
    """
    for name, kind in (("tiles", Tiles), ("rows", Rows)):
        if _keeps_rows_apart(kind, np.dtype(dtype)):
            return name
    return "whole"


def _keeps_rows_apart(kind: type[Tiles] | type[Rows], dtype: np.dtype[Any]) -> bool:
    rng = np.random.default_rng(0)
    x = rng.random((64, 256)).astype(dtype) - dtype.type(0.5)
    product = kind(rng.random((256, 256)).astype(dtype) - dtype.type(0.5))
    together = product(x[:, None])
    counts = (1, 2, 3, 4, 5, 6, 7, 9, 13, 24, 33)
    return all(
        np.array_equal(product(x[start : start + count, None]), together[start : start + count])
        for count, start in zip(counts, range(0, 4 * len(counts), 3), strict=False)
    )
