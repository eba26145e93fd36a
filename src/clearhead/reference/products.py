"""Matrix products whose rows do not depend on the rows beside them, bit for bit.

A BLAS library rounds a row of a product differently with the number of rows, with its place among
them, and with the number of threads that share the work: few rows are done by another routine
than many, and the rows of an incomplete tile by another than those of a complete one. The score of
a translation would then depend on what else is in its batch. There are three ways here to multiply
by a weight. All of them keep each call to the library so small that it never divides the call
among threads.

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

Which of them keeps its word is found by a probe of the library itself when the first weight is
prepared, and not by the name of the processor: see `method`.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

# OpenBLAS divides a product among threads from rows * columns * inner = 262,144 on, and a
# matrix-vector product from 9,216 entries of the matrix on.
_ONE_THREAD_PRODUCT = 262_144
_ONE_THREAD_MATRIX = 9_215


class Product(Protocol):
    """Multiplies sequences of rows by one weight, which is prepared for many calls."""

    def __init__(self, matrix: Array) -> None: ...

    def __call__(self, x: Array) -> Array:
        """Float["batch length in"] to Float["batch length out"]."""
        ...


def prepare(matrix: Array) -> Product:
    """Prepare ``x @ matrix`` for many calls.

    Args:
        matrix: Float["in out"], out a multiple of 64.
    """
    kinds: dict[str, type[Product]] = {"tiles": Tiles, "rows": Rows, "whole": Whole}
    return kinds[method(matrix.dtype)](matrix)


class Tiles:
    """Products of at most 33 rows by 64 columns, whatever sequences the rows belong to.

    Args:
        matrix: Float["in out"], out a multiple of 64.
    """

    # Rows of a small product, and one more where a single row would be left over. OpenBLAS calls
    # rows * columns * inner small up to 10^6, and has kernels for that with AVX-512 alone; the
    # second number is for the others, which divide a product of more among threads.
    ROWS = 32, 15
    COLUMNS = 64
    INNER = 256

    def __init__(self, matrix: Array) -> None:
        self._rows = self.ROWS[_divides_among_threads(matrix.dtype)]
        self._pieces = _pieces(len(matrix), self.INNER)
        # Float["blocks inner columns"] for each piece of the inner axis, so that each small weight
        # lies in one stretch and streams from memory once, in order.
        self._weights = [
            np.ascontiguousarray(_blocks(matrix[piece], self.COLUMNS)) for piece in self._pieces
        ]

    def __call__(self, x: Array) -> Array:
        """Float["batch length in"] to Float["batch length out"]."""
        rows = x.reshape(-1, x.shape[-1])
        count = len(rows)
        product = self._product(rows.repeat(2, axis=0) if count == 1 else rows)[:count]
        return product.reshape(*x.shape[:-1], -1)

    def _product(self, rows: Array) -> Array:
        """Float["rows in"] to Float["rows out"]; never of one row."""
        count, left = len(rows), len(rows) % self._rows
        rest = left + self._rows if left == 1 else left
        full = slice(0, count - rest), (-1, 1, self._rows), (-1, self._rows)
        last = slice(count - rest, count), (1, 1, rest), (1, rest)
        groups = [group for group in (full, last) if group[0].stop > group[0].start]
        blocks, _, columns = self._weights[0].shape
        product = np.empty((count, blocks * columns), np.result_type(rows, self._weights[0]))
        out = product
        for piece, weight in zip(self._pieces, self._weights, strict=True):
            inner = weight.shape[1]
            for some, split, whole in groups:
                # The result is written where it belongs, block by block.
                place = out[some].reshape(*whole, blocks, columns).swapaxes(1, 2)
                np.matmul(rows[some, piece].reshape(*split, inner), weight, out=place)
            if out is product:
                out = np.empty_like(product) if len(self._pieces) > 1 else product
            else:
                product += out
        return product


class Rows:
    """Each sequence a product of its own; a sequence of one position a matrix-vector product.

    Args:
        matrix: Float["in out"], out a multiple of 64.
    """

    # A matrix that does not fit into a processor's second cache streams from memory for each row,
    # unless all rows are multiplied by one block of it before the next.
    CACHE = 2**20
    FEW = 4  # rows: of more, a block stays in the first cache while all are multiplied by it
    INNER = 256  # of a product of several positions

    def __init__(self, matrix: Array) -> None:
        # Float["out in"]: each result is the scalar product of a row with one stretch of memory,
        # which a library sums in one order wherever the row of the matrix stands.
        self._weight = np.ascontiguousarray(matrix.T)
        inner = len(matrix)
        self._stretches = _pieces(inner, _ONE_THREAD_MATRIX // 4)
        longest = max(piece.stop - piece.start for piece in self._stretches)
        height = next(h for h in (32, 16, 8, 4) if h * longest <= _ONE_THREAD_MATRIX)
        # Views Float["blocks height inner"], of which one thread does a whole one.
        self._blocks = [
            self._weight[:, piece].reshape(-1, height, piece.stop - piece.start)
            for piece in self._stretches
        ]
        self._undivided = matrix.nbytes <= self.CACHE and self._agree(matrix)
        self._columns = np.empty((0, 0), matrix.dtype)

    def _agree(self, matrix: Array) -> bool:
        """Whether one call for a whole row gives the same bits as a call for each block."""
        rows = np.linspace(-1, 1, 2 * len(matrix), dtype=matrix.dtype).reshape(2, -1) + matrix[:, 0]
        return np.array_equal(self._by_matrix(rows), self._by_blocks(rows))

    def __call__(self, x: Array) -> Array:
        """Float["batch length in"] to Float["batch length out"]."""
        if x.shape[1] > 1:
            return self._by_sequence(x)
        rows = x.reshape(-1, x.shape[-1])
        few = len(rows) <= self.FEW and self._undivided
        product = self._by_matrix(rows) if few else self._by_blocks(rows)
        return product.reshape(*x.shape[:-1], -1)

    def _by_matrix(self, rows: Array) -> Array:
        return np.matmul(self._weight, rows[:, :, None])[:, :, 0]

    def _by_blocks(self, rows: Array) -> Array:
        """Float["rows in"] to Float["rows out"], all rows by one block before the next."""
        products = [
            np.matmul(block[:, None], rows[:, piece, None])
            for piece, block in zip(self._stretches, self._blocks, strict=True)
        ]
        product = products[0]
        for other in products[1:]:
            product += other
        return product[..., 0].swapaxes(0, 1).reshape(len(rows), -1)

    def _by_sequence(self, x: Array) -> Array:
        """Each sequence in products that one thread does: 16 rows by 64 columns, 32 by 32, ..."""
        if not self._columns.size:
            # Made when it is first needed: most weights meet one kind of sequence alone.
            self._columns = np.ascontiguousarray(self._weight.T)
        batch, length, inner = x.shape
        number, tiles = 64, _pieces(length, 64)
        height = max(tile.stop - tile.start for tile in tiles)
        while number * height * self.INNER > _ONE_THREAD_PRODUCT:
            number //= 2
        weights = _blocks(self._columns, number)
        product = np.empty((batch, length, len(self._weight)), np.result_type(x, self._weight))
        for piece in _pieces(inner, self.INNER):
            partial = np.empty_like(product) if piece.start else product
            place = partial.reshape(batch, length, -1, number).swapaxes(1, 2)
            for tile in tiles:
                np.matmul(x[:, None, tile, piece], weights[:, piece], out=place[:, :, tile])
            if piece.start:
                product += partial
        return product


class Whole:
    """One product of all rows: the fallback, whose rows may depend on each other's number.

    Args:
        matrix: Float["in out"].
    """

    def __init__(self, matrix: Array) -> None:
        self._matrix = np.ascontiguousarray(matrix)

    def __call__(self, x: Array) -> Array:
        """Float["batch length in"] to Float["batch length out"]."""
        return (x.reshape(-1, x.shape[-1]) @ self._matrix).reshape(*x.shape[:-1], -1)


@cache
def method(dtype: Any = np.float32) -> str:
    """The way to multiply by a weight that keeps rows apart with the BLAS library at work.

    Returns:
        ``tiles`` or ``rows``, whichever first passes a probe; ``whole`` where none does, and
        where, in consequence, the last bits of a score may depend on the batch.
    """
    for name, kind in (("tiles", Tiles), ("rows", Rows)):
        if _keeps_rows_apart(kind, np.dtype(dtype)):
            return name
    return "whole"


@cache
def _divides_among_threads(dtype: np.dtype[Any]) -> bool:
    """Whether other threads have a part in a product of the larger tiles.

    Their share shows in the processor time of the process beyond that of this thread. Work of
    other threads of the program may show there too; the smaller tiles give the same bits.
    """
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        return False
    more, fewer = (np.ones((rows, Tiles.INNER), dtype) for rows in Tiles.ROWS)
    weight = np.ones((Tiles.INNER, Tiles.COLUMNS), dtype)

    def times(x: Array) -> tuple[int, int]:
        """Processor time of this thread and of all others, for some products."""
        every, this = time.process_time_ns(), time.thread_time_ns()
        for _ in range(100):
            x @ weight
        this, every = time.thread_time_ns() - this, time.process_time_ns() - every
        return this, every - this

    times(more)
    # What one thread does alone is the measure: where threads share, this one also waits.
    alone, _ = times(fewer)
    # A system counts what a thread does only now and then, so look more than once.
    return any(times(more)[1] > alone / 4 for _ in range(3))


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


def multiply(left: Array, right: Array) -> Array:
    """``left @ right`` for attention, in pieces that a BLAS library does not divide among threads.

    Args:
        left: Float["... rows inner"].
        right: Float["... inner columns"].

    Returns:
        Float["... rows columns"]. Each of the leading axes' products is one of its own, so its
        bits depend on nothing beside it.
    """
    rows, inner = left.shape[-2:]
    columns = right.shape[-1]
    if rows == 1:
        step = max(_ONE_THREAD_MATRIX // max(inner, 1) // 8 * 8, 8)
        if columns > step:
            pieces = _pieces(columns, step)
            return np.concatenate([left @ right[..., piece] for piece in pieces], axis=-1)
        return left @ right
    step = _ONE_THREAD_PRODUCT // max(inner * columns, 1)
    # Longer texts than a translation's are not worth many small products.
    if rows > step >= 16:
        pieces = _pieces(rows, step)
        return np.concatenate([left[..., piece, :] @ right for piece in pieces], axis=-2)
    return left @ right


def _blocks(matrix: Array, columns: int) -> Array:
    """Float["in out"] to a view Float["blocks in columns"]."""
    return matrix.reshape(len(matrix), -1, columns).swapaxes(0, 1)


def _pieces(length: int, most: int) -> list[slice]:
    """Cut an axis evenly into as few pieces of at most ``most`` as there can be; at least one."""
    number = max(1, -(-length // most))
    edges = [length * i // number for i in range(number + 1)]
    return [slice(*edge) for edge in zip(edges, edges[1:], strict=False)]
