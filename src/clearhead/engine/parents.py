"""The arguments of a step of decoding."""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..shapes import Array, Int


def check_parents(
    tokens: Array, parents: Array, rows: int
) -> tuple[Int[Array, "new_rows"], Int[Array, "new_rows"]]:
    """Check the tokens and parents of a step, and return them as arrays.

    Args:
        tokens: one for each new row.
        parents: for each new row, a row of the previous call.
        rows: how many there were in the previous call.

    Raises:
        ShapeError: there is not one token for each parent, or a parent is no row.
    """
    tokens, parents = np.asarray(tokens), np.asarray(parents)
    if tokens.ndim != 1 or tokens.shape != parents.shape:
        raise ShapeError(
            f"advance takes one token and one parent for each row; "
            f"got the shapes {tokens.shape} and {parents.shape}."
        )
    if (
        not goes_on(parents, rows)
        and parents.size
        and not (parents.min() >= 0 and parents.max() < rows)
    ):
        raise ShapeError(
            f"Parents must be rows of the previous call, between 0 and {rows - 1}; "
            f"they are {parents}."
        )
    return tokens, parents


def goes_on(parents: Int[Array, "new_rows"], rows: int) -> bool:
    """Whether each row continues itself, as in most steps of a greedy search."""
    return len(parents) == rows and parents.tolist() == list(range(rows))
