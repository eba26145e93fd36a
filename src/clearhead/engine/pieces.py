"""Pieces of matrices small enough that a BLAS library multiplies each in one thread."""

from __future__ import annotations

from ..shapes import Array, Float

# OpenBLAS divides a product among threads from rows * columns * inner = 262,144 on, and a
# matrix-vector product from 9,216 entries of the matrix on.
ONE_THREAD_PRODUCT = 262_144
ONE_THREAD_MATRIX = 9_215


def blocks_of(matrix: Float[Array, "in out"], columns: int) -> Float[Array, "blocks in columns"]:
    """Return a view of the matrix in blocks of a number of columns."""
    return matrix.reshape(len(matrix), -1, columns).swapaxes(0, 1)


def pieces_of(length: int, most: int) -> list[slice]:
    """Cut an axis evenly into the fewest pieces of at most ``most`` entries; at least one."""
    number = max(1, -(-length // most))
    edges = [length * i // number for i in range(number + 1)]
    return [slice(*edge) for edge in zip(edges, edges[1:], strict=False)]
