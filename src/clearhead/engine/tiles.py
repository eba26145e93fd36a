"""Products by a weight in small tiles, whatever sequences the rows belong to."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

import numpy as np

from ..shapes import Array, Float
from .pieces import blocks_of, pieces_of


class Tiles:
    """Products of at most 33 rows by 64 columns, whatever sequences the rows belong to.

    Args:
        matrix: its columns are a multiple of 64.
    """

    # Rows of a small product, and one more where a single row would be left over. OpenBLAS calls
    # rows * columns * inner small up to 10^6, and has kernels for that with AVX-512 alone; the
    # second number is for the others, which divide a product of more among threads.
    ROWS = 32, 15
    COLUMNS = 64
    INNER = 256

    def __init__(self, matrix: Float[Array, "in out"]) -> None:
        self._rows = self.ROWS[_divides_among_threads(matrix.dtype)]
        self._pieces = pieces_of(len(matrix), self.INNER)
        # Float["blocks inner columns"] for each piece of the inner axis, so that each small weight
        # lies in one stretch and streams from memory once, in order.
        self._weights = [
            np.ascontiguousarray(blocks_of(matrix[piece], self.COLUMNS)) for piece in self._pieces
        ]
        # Float["pieces blocks inner columns"], where the pieces are of one length.
        self._joint: Array | None = None
        if len({weight.shape for weight in self._weights}) == 1:
            self._joint = np.stack(self._weights)
            self._weights = list(self._joint)

    def __call__(self, x: Float[Array, "batch length in"]) -> Float[Array, "batch length out"]:
        """Multiply each row of each sequence by the matrix."""
        return self.rows(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)

    def rows(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Multiply rows by the matrix, whatever sequences they belong to."""
        count = len(rows)
        if count == 1:
            rows = np.concatenate((rows, rows))
        if count > self._rows + 1 or self._joint is None:
            return self._product(rows)[:count]
        return self._tile(rows, self._joint)[:count]

    def _tile(
        self, rows: Float[Array, "rows in"], weights: Float[Array, "pieces blocks inner columns"]
    ) -> Float[Array, "rows out"]:
        """Multiply the rows of one tile: the products of `_product`, in as few calls as can be."""
        pieces, blocks, inner, columns = weights.shape
        count, dtype = len(rows), weights.dtype
        if rows.dtype is not dtype:
            dtype = np.result_type(rows, weights)
        products = np.empty((pieces, count, blocks, columns), dtype)
        parts = rows.reshape(count, pieces, 1, inner).transpose(1, 2, 0, 3)
        np.matmul(parts, weights, out=products.swapaxes(1, 2))
        # Along the first axis a reduction adds one piece after the other, as `_product` does.
        product = products[0] if pieces == 1 else np.add.reduce(products, axis=0)
        return product.reshape(count, -1)

    def _product(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Multiply rows by the matrix; there are never fewer than two."""
        # Complete tiles first; then the rest as one tile, to which a row that would be left alone
        # is joined. Each group: its rows, and the shapes to view them in for the product and in
        # the result.
        count, remainder = len(rows), len(rows) % self._rows
        rest = remainder + self._rows if remainder == 1 else remainder
        full = slice(0, count - rest), (-1, 1, self._rows), (-1, self._rows)
        last = slice(count - rest, count), (1, 1, rest), (1, rest)
        groups = [group for group in (full, last) if group[0].stop > group[0].start]

        # One piece of the inner axis after the other is added to the result.
        blocks, _, columns = self._weights[0].shape
        product = np.empty((count, blocks * columns), np.result_type(rows, self._weights[0]))
        out = product
        for piece, weight in zip(self._pieces, self._weights, strict=True):
            inner = weight.shape[1]
            for group_rows, product_shape, result_shape in groups:
                # The result is written where it belongs, block by block.
                place = out[group_rows].reshape(*result_shape, blocks, columns).swapaxes(1, 2)
                np.matmul(rows[group_rows, piece].reshape(*product_shape, inner), weight, out=place)
            if out is product:
                out = np.empty_like(product) if len(self._pieces) > 1 else product
            else:
                product += out
        return product


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
    # Compared with what one thread does alone: if threads share the work, this one also waits.
    alone, _ = times(fewer)
    # The system updates a thread's time only now and then, so look more than once.
    return any(times(more)[1] > alone / 4 for _ in range(3))
