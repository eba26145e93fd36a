"""A linear layer and a norm of the rows of a step."""

from __future__ import annotations

import numpy as np

from ...reference.layers.linear import Linear
from ...reference.layers.norms import Norm
from ...shapes import Array, Float


class LinearStep:
    """x W^T + b of rows that are one position each.

    Args:
        linear: of which product and bias are used.
    """

    def __init__(self, linear: Linear) -> None:
        # In two axes, so that one row is added to one row: NumPy is quicker without broadcasting.
        self._bias = None if linear.bias is None else linear.bias[None]
        product = linear.product
        self._rows = getattr(product, "rows", lambda rows: product(rows[:, None])[:, 0])

    def __call__(self, rows: Float[Array, "rows in"]) -> Float[Array, "rows out"]:
        """Return x W^T + b in a new array."""
        result = self._rows(rows)
        if self._bias is not None:
            np.add(result, self._bias, out=result)
        return result


class NormStep:
    """Layer norm or root-mean-square norm of rows, as `clearhead.reference.layers.norms` has them.

    Args:
        norm: of which kind, epsilon, weight and bias are used.
    """

    def __init__(self, norm: Norm) -> None:
        self._centres = norm.kind == "layer"
        # In the weights' dtype, so that results keep the dtype of the rows.
        number = norm.weight.dtype.type
        self._epsilon = number(norm.epsilon)
        self._share = number(1.0 / len(norm.weight))
        self._weight, self._bias = norm.weight, norm.bias

    def __call__(self, rows: Float[Array, "rows d_model"]) -> Float[Array, "rows d_model"]:
        """Return the norm of each row in a new array."""
        if len(rows) == 1:
            return self._of_one(rows[0])[None]
        if self._centres:
            mean = np.add.reduce(rows, axis=-1, keepdims=True)
            mean *= self._share
            rows = result = rows - mean
        else:
            result = np.empty_like(rows)
        spread = np.add.reduce(rows * rows, axis=-1, keepdims=True)
        spread *= self._share
        spread += self._epsilon
        np.sqrt(spread, out=spread)
        np.divide(rows, spread, out=result)
        np.multiply(result, self._weight, out=result)
        if self._bias is not None:
            np.add(result, self._bias, out=result)
        return result

    def _of_one(self, row: Float[Array, "d_model"]) -> Float[Array, "d_model"]:
        """Return the norm of one row: the same sums, as numbers instead of one-element arrays."""
        if self._centres:
            row = result = row - np.add.reduce(row) * self._share
        else:
            result = np.empty_like(row)
        spread = np.add.reduce(row * row) * self._share + self._epsilon
        np.divide(row, np.sqrt(spread), out=result)
        np.multiply(result, self._weight, out=result)
        if self._bias is not None:
            np.add(result, self._bias, out=result)
        return result
