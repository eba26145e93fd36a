"""Matrix products by weights as they lie in memory, of which nothing is copied.

The weights of other people's models may be a gigabyte in a mapped file. `IN_PLACE` reads them
where they are, as rows or, for a transposed view, as columns. A row of a result may depend in its
last bits on the rows beside it: whoever needs the same bits in every batch takes
`clearhead.engine.products.INDEPENDENT_ROWS`, which lays each weight out anew.
"""

from __future__ import annotations

import numpy as np

from ..reference.products import Products, WeightProduct
from ..shapes import Array, Float
from .pieces import pieces_of

# A step of decoding has few rows. A library packs a weight anew for each product of rows, which
# takes longer than a product of a few of them. A matrix-vector product for each row reads the
# weight as it lies, at the speed of memory.
_FEW_BY_ROWS, _FEW_BY_COLUMNS = 8, 2
# Of a weight in rows one part is multiplied after the other, so that it is still in the
# processor's cache for the second row.
_PART = 2**20  # bytes
_INNER = 1024  # products that are added one after the other in single precision


def in_place(weight: Float[Array, "out in"]) -> WeightProduct:
    """Return the function of x Float["... in"] that returns x W^T, without a copy of the weight.

    Args:
        weight: in rows, or the transposed view of [in, out]; other strides are right too, and
            may be copied by NumPy for each product.
    """
    out_dim, in_dim = weight.shape
    by_columns = weight.strides[0] < weight.strides[1]
    height = max(_PART // max(in_dim * weight.itemsize, 1), 1)
    by_vector = _by_columns if by_columns else _by_rows
    most = _FEW_BY_COLUMNS if by_columns else _FEW_BY_ROWS

    def few(rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        product = np.empty((len(rows), out_dim), np.result_type(rows, weight))
        step = out_dim if len(rows) == 1 or by_columns else height
        for start in range(0, out_dim, step):
            part = slice(start, start + step)
            for row, out in zip(rows, product, strict=True):
                by_vector(weight[part], row, out[part])
        return product

    def product(x: Array) -> Array:
        rows = x.reshape(-1, in_dim)
        if len(rows) <= most:
            result = few(rows)
        elif by_columns:
            result = rows @ weight.T
        else:
            # So a library multiplies faster than rows @ weight.T.
            result = np.ascontiguousarray((weight @ rows.T).T)
        return result.reshape(*x.shape[:-1], out_dim)

    return product


# NumPy's own loops read a weight faster than the matrix-vector routines of OpenBLAS do: of
# 50,257 rows by 768 they read 20 GB/s where those read 15, of 512 by 512 26 where those read 11.


def _by_rows(
    weight: Float[Array, "out in"], row: Float[Array, "in"], out: Float[Array, "out"]
) -> None:
    """Write the scalar product of each row of a weight with one row into ``out``."""
    if hasattr(np, "vecdot"):  # NumPy 2
        np.vecdot(weight, row, out=out)
    else:
        np.einsum("ij,j->i", weight, row, out=out)


def _by_columns(
    weight: Float[Array, "out in"], row: Float[Array, "in"], out: Float[Array, "out"]
) -> None:
    """Write the sum of the columns of a weight, each times a number of one row, into ``out``."""
    first, *others = pieces_of(len(row), _INNER)
    np.einsum("ij,j->i", weight[:, first], row[first], out=out)
    for piece in others:
        out += np.einsum("ij,j->i", weight[:, piece], row[piece])


IN_PLACE = Products(in_place, np.matmul, joint=False)
