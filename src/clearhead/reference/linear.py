"""The linear layer, x W^T + b, whose rows do not depend on the rows beside them.

A matrix product by a BLAS library rounds differently for different numbers of rows: few rows
are done by another routine than many, and the sum over a long inner axis is broken into pieces
of different lengths. A translation could then depend on what else is in its batch. Two rules
remove that for two rows and more, with OpenBLAS (which NumPy's wheels bring) bit for bit;
tests/reference/test_linear.py holds it to that:

- the inner axis is summed in pieces of at most 256, which no routine breaks up further,
- the outer axis is padded with zeros to a multiple of 64, so that no routine meets a remainder.

A single row is left to the matrix-vector routine, which rounds in its own way (log-probabilities
differ by about 1e-6): computed as two equal rows it would agree to the last bit, but decoding
one sentence would take half as long again.

OpenBLAS's AVX2 kernels (Haswell, Zen) round the rows of an incomplete tile in another way, and
no rule that is cheap helps: there, log-probabilities of a row alone and in a batch were seen to
differ by up to 3e-6. tests/reference/test_linear.py and test_decoding.py hold it to this.

And with few rows the outer axis is done in blocks that are small enough for OpenBLAS to
multiply without repacking the weights first, which is two to three times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError

Array = np.ndarray[Any, Any]
# Columns of the result, and the weight for them in pieces of its inner axis: views.
_Plan = list[tuple[slice, list[Array]]]

_INNER = 256  # the longest piece of the inner axis
_OUTER = 64  # the outer axis is a multiple of this
_SMALL = 1_000_000  # multiplications that OpenBLAS does without repacking
_FEW_ROWS = 16


class Linear:
    """x W^T + b, prepared for many calls.

    Args:
        weight: Float["out in"], as PyTorch keeps it.
        bias: Float["out"], or None.

    Raises:
        ShapeError: weight and bias do not fit together.
    """

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            came = "no bias" if bias is None else f"a bias of shape {bias.shape}"
            raise ShapeError(
                f"A linear layer takes a weight [out, in] and a bias [out]; "
                f"got a weight of shape {weight.shape} and {came}."
            )
        self.out_dim, self.in_dim = weight.shape
        self._parts = [slice(0, self.out_dim)]
        padded = -(-self.out_dim // _OUTER) * _OUTER
        self._weight = np.zeros((self.in_dim, padded), weight.dtype)
        self._weight[:, : self.out_dim] = weight.T
        self._bias = None
        if bias is not None:
            self._bias = np.zeros(padded, bias.dtype)
            self._bias[: self.out_dim] = bias
        pieces = max(1, -(-self.in_dim // _INNER))
        edges = [self.in_dim * i // pieces for i in range(pieces + 1)]
        self._pieces = [slice(*edge) for edge in zip(edges, edges[1:], strict=False)]
        self._longest = max(piece.stop - piece.start for piece in self._pieces)
        self._plans: dict[int, _Plan] = {}
        self._blocks: dict[int, _Plan] = {}

    @classmethod
    def joint(cls, layers: Sequence[tuple[Array, Array | None]]) -> Linear:
        """Several linear layers of the same input as one product; `parts` takes them apart."""
        weights = [weight for weight, _ in layers]
        biases = [bias for _, bias in layers if bias is not None]
        if biases and len(biases) < len(layers):
            raise ShapeError("Joint linear layers have a bias either all or none.")
        linear = cls(np.concatenate(weights), np.concatenate(biases) if biases else None)
        ends = np.cumsum([len(weight) for weight in weights]).tolist()
        linear._parts = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
        return linear

    def __call__(self, x: Array) -> Array:
        """Float["... in"] to Float["... out"]."""
        if x.shape[-1] != self.in_dim:
            raise ShapeError(
                f"A linear layer of {self.in_dim} inputs was given an array of shape {x.shape}; "
                f"its last axis must be {self.in_dim}."
            )
        rows = x.reshape(-1, self.in_dim)
        count = len(rows)
        product = rows @ self._weight if count == 1 else self._product(rows)
        if self._bias is not None:
            product += self._bias
        if product.shape != (count, self.out_dim):
            product = product[:count, : self.out_dim]
        return product.reshape(*x.shape[:-1], self.out_dim)

    def parts(self, x: Array) -> list[Array]:
        """The results of the joint layers, one by one: views of one array."""
        whole = self(x)
        return [whole[..., part] for part in self._parts]

    def _product(self, rows: Array) -> Array:
        count = len(rows)
        if count not in self._plans:
            self._plans[count] = self._plan(count)
        plan = self._plans[count]
        if not plan:
            return rows @ self._weight
        product = np.empty((count, self._weight.shape[1]), np.result_type(rows, self._weight))
        for columns, weights in plan:
            out = product[:, columns]
            for number, (piece, weight) in enumerate(zip(self._pieces, weights, strict=True)):
                if number:
                    out += rows[:, piece] @ weight
                else:
                    np.matmul(rows[:, piece], weight, out=out)
        return product

    def _plan(self, rows: int) -> _Plan:
        """Blocks of columns, and the pieces of the weight in each; empty if there is but one."""
        width = block = self._weight.shape[1]
        if rows <= _FEW_ROWS:
            fitting = _SMALL // (max(1, rows) * self._longest) // _OUTER * _OUTER
            block = min(width, fitting) or width
        if block == width and len(self._pieces) == 1:
            return []
        if block not in self._blocks:
            columns = [slice(start, start + block) for start in range(0, width, block)]
            self._blocks[block] = [
                (column, [self._weight[piece, column] for piece in self._pieces])
                for column in columns
            ]
        return self._blocks[block]
