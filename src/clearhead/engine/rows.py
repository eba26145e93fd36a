"""Products by a weight in which each sequence is a product of its own."""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Float
from .pieces import ONE_THREAD_MATRIX, ONE_THREAD_PRODUCT, blocks_of, pieces_of


class Rows:
    """Multiplies each sequence separately; one position is a matrix-vector product.

    Args:
        matrix: its columns are a multiple of 64.
    """

    # A matrix that exceeds the second-level cache would be read from memory for each row, unless
    # all rows are multiplied by one block of it before the next.
    CACHE = 2**20
    FEW = 4  # rows; with more, a block stays in the first-level cache meanwhile
    INNER = 256  # of a product of several positions

    def __init__(self, matrix: Float[Array, "in out"]) -> None:
        # Float["out in"]: each result is the scalar product of a row and a contiguous row of the
        # matrix, which a library sums in the same order for every row of the matrix.
        self._weight = np.ascontiguousarray(matrix.T)
        inner = len(matrix)
        self._stretches = pieces_of(inner, ONE_THREAD_MATRIX // 4)
        longest = max(piece.stop - piece.start for piece in self._stretches)
        height = next(h for h in (32, 16, 8, 4) if h * longest <= ONE_THREAD_MATRIX)
        # Views Float["blocks height inner"], with blocks small enough for one thread.
        self._blocks = [
            self._weight[:, piece].reshape(-1, height, piece.stop - piece.start)
            for piece in self._stretches
        ]
        self._undivided = matrix.nbytes <= self.CACHE and self._agree(matrix)
        self._columns = np.empty((0, 0), matrix.dtype)

    def _agree(self, matrix: Float[Array, "in out"]) -> bool:
        """Whether one call for a whole row gives the same bits as a call for each block."""
        rows = np.linspace(-1, 1, 2 * len(matrix), dtype=matrix.dtype).reshape(2, -1) + matrix[:, 0]
        return np.array_equal(self._by_matrix(rows), self._by_blocks(rows))

    def __call__(self, x: Float[Array, "batch length in"]) -> Float[Array, "batch length out"]:
        """Multiply each row of each sequence by the matrix."""
        if x.shape[1] > 1:
            return self._by_sequence(x)
        return self.rows(x[:, 0])[:, None]

    def rows(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Multiply rows, each of which is a sequence of one position, by the matrix."""
        few = len(rows) <= self.FEW and self._undivided
        return self._by_matrix(rows) if few else self._by_blocks(rows)

    def _by_matrix(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        return np.matmul(self._weight, rows[:, :, None])[:, :, 0]

    def _by_blocks(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Multiply all rows by one block of the matrix before the next."""
        products = [
            np.matmul(block[:, None], rows[:, piece, None])
            for piece, block in zip(self._stretches, self._blocks, strict=True)
        ]
        product = products[0]
        for other in products[1:]:
            product += other
        return product[..., 0].swapaxes(0, 1).reshape(len(rows), -1)

    def _by_sequence(self, x: Float[Array, "batch length in"]) -> Float[Array, "batch length out"]:
        """Multiply each sequence in products that are small enough for one thread.

        They are of 16 rows by 64 columns, 32 by 32, ...
        """
        if not self._columns.size:
            # Created on first use, because most weights are used with one kind of sequence only.
            self._columns = np.ascontiguousarray(self._weight.T)
        batch, length, inner = x.shape
        number, tiles = 64, pieces_of(length, 64)
        height = max(tile.stop - tile.start for tile in tiles)
        while number * height * self.INNER > ONE_THREAD_PRODUCT:
            number //= 2
        weights = blocks_of(self._columns, number)
        product = np.empty((batch, length, len(self._weight)), np.result_type(x, self._weight))
        for piece in pieces_of(inner, self.INNER):
            partial = np.empty_like(product) if piece.start else product
            place = partial.reshape(batch, length, -1, number).swapaxes(1, 2)
            for tile in tiles:
                np.matmul(x[:, None, tile, piece], weights[:, piece], out=place[:, :, tile])
            if piece.start:
                product += partial
        return product
