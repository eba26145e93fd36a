"""Matrix products that read weights in place, without a copy.

The weights of other people's models may be a gigabyte in a mapped file. `IN_PLACE` reads them where
they are, as rows or, for a transposed view, as columns. The last bits of a row of a result may
depend on the other rows; for the same bits in every batch use
`clearhead.engine.products.INDEPENDENT_ROWS`, which copies each weight into a layout of its own.

A step of decoding has few rows, and takes as long as reading every weight once. NumPy's own loops
read a weight faster than OpenBLAS's matrix-vector routines: 512 rows by 512 at 20 GB/s where those
read 11, 50,257 by 768 at 21 where those read 15. Dividing a weight among threads of our own, tried
on two cores, did not make a step faster.
"""

from __future__ import annotations

import numpy as np

from ..reference.products import Products, WeightProduct
from ..shapes import Array, Float
from .pieces import pieces_of

# A BLAS library repacks a weight for each product of rows, which takes longer than multiplying a
# few rows. A matrix-vector product for each row reads the weight in place.
_FEW_BY_ROWS, _FEW_BY_COLUMNS = 8, 2
_PART = 2**20  # bytes of a weight that stay in the processor's cache for the next row
_INNER = 1024  # products that are summed one after the other in single precision


def in_place(weight: Float[Array, "out in"]) -> WeightProduct:
    """Return the function of x Float["... in"] that returns x W^T, without a copy of the weight.

    Args:
        weight: in rows, or the transposed view of [in, out]; other strides give correct results,
            but NumPy may copy them for each product.
    """
    out_dim, in_dim = weight.shape
    by_columns = weight.strides[0] < weight.strides[1]
    most = _FEW_BY_COLUMNS if by_columns else _FEW_BY_ROWS
    few = _by_columns(weight) if by_columns else _by_rows(weight)

    def product(x: Array) -> Array:
        rows = x.reshape(-1, in_dim)
        if len(rows) <= most:
            result = few(rows)
        elif by_columns:
            result = rows @ weight.T
        else:
            # A library computes this faster than rows @ weight.T.
            result = np.ascontiguousarray((weight @ rows.T).T)
        return result.reshape(*x.shape[:-1], out_dim)

    return product


IN_PLACE = Products(in_place, np.matmul, joint=False)


def _by_rows(weight: Float[Array, "out in"]) -> WeightProduct:
    """Return the product of few rows: each number is the scalar product of two rows."""
    parts = pieces_of(len(weight), max(_PART // max(weight[:1].nbytes, 1), 1))
    whole = [slice(0, len(weight))]

    def product(rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        result = np.empty((len(rows), len(weight)), np.result_type(rows, weight))
        # A part of the weight stays in the processor's cache for the next row.
        for part in whole if len(rows) == 1 else parts:
            for row, out in zip(rows, result, strict=True):
                _scalar_products(weight[part], row, out[part])
        return result

    return product


def _by_columns(weight: Float[Array, "out in"]) -> WeightProduct:
    """Return the product of few rows: the sum of the columns, each times a number of the row."""
    # Neighbouring columns are summed first, then their sums, always in this order.
    parts = pieces_of(weight.shape[1], _INNER)

    def product(rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        sums = np.empty((len(parts), len(rows), len(weight)), np.result_type(rows, weight))
        for part, sums_of_part in zip(parts, sums, strict=True):
            for row, out in zip(rows, sums_of_part, strict=True):
                np.einsum("ij,j->i", weight[:, part], row[part], out=out)
        return sums[0] if len(parts) == 1 else np.add.reduce(sums, axis=0)

    return product


def _scalar_products(
    weight: Float[Array, "out in"], row: Float[Array, "in"], out: Float[Array, "out"]
) -> None:
    """Write the scalar product of each row of a weight with one row into ``out``."""
    if hasattr(np, "vecdot"):  # NumPy 2
        np.vecdot(weight, row, out=out)
    else:
        np.einsum("ij,j->i", weight, row, out=out)
