"""The linear layer, x W^T + b, whose rows do not depend on the rows beside them.

A matrix product by a BLAS library rounds differently for different numbers of rows: few rows
are done by another routine than many, and the sum over a long inner axis is broken into pieces
of different lengths. A translation could then depend on what else is in its batch. So all
products here are made of small ones of one kind, which OpenBLAS (NumPy's wheels bring it) does
by one routine for any number of rows, bit for bit; tests/reference/test_linear.py holds it to
that:

- at most 33 rows by 64 columns (the outer axis is padded with zeros to a multiple of 64), the
  inner axis in pieces of at most 256,
- a row alone is computed as two equal rows, never by the matrix-vector routine.

They are faster too. OpenBLAS multiplies so small matrices without repacking them first; and as
each small weight is stored in one stretch, it streams from memory once, in order. Decoding a
batch of 16 or 32 takes about half the time of whole products, and a row alone no longer.

All this holds for OpenBLAS's AVX-512 kernels. Those for AVX2 (Haswell, Zen) have no such routine
and round the rows of an incomplete tile in another way, which no rule that is cheap would undo.
There, and with other libraries, products are whole, and log-probabilities of a row alone and in
a batch were seen to differ by up to 3e-6.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..errors import ShapeError

Array = np.ndarray[Any, Any]

_ROWS = 32  # rows of a small product; one more where a single row would be left over
_COLUMNS = 64
_INNER = 256  # rows * columns * inner stays below the 10^6 that OpenBLAS calls small


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
        blocks = -(-self.out_dim // _COLUMNS) if _small_products() else 1
        width = blocks * _COLUMNS if _small_products() else self.out_dim
        padded = np.zeros((self.in_dim, width), weight.dtype)
        padded[:, : self.out_dim] = weight.T
        number = max(1, -(-self.in_dim // _INNER)) if _small_products() else 1
        edges = [self.in_dim * i // number for i in range(number + 1)]
        self._pieces = [slice(*edge) for edge in zip(edges, edges[1:], strict=False)]
        # Float["blocks inner columns"] for each piece of the inner axis.
        self._weights = [
            np.ascontiguousarray(padded[piece].reshape(-1, blocks, width // blocks).swapaxes(0, 1))
            for piece in self._pieces
        ]
        self._bias = None
        if bias is not None:
            self._bias = np.zeros(width, bias.dtype)
            self._bias[: self.out_dim] = bias

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
        if not _small_products():
            product = rows @ self._weights[0][0]
        else:
            product = self._product(rows if count != 1 else rows.repeat(2, axis=0))
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
        """Float["rows in"] to Float["rows padded_out"], by small products; never of one row."""
        count, left = len(rows), len(rows) % _ROWS
        rest = left + _ROWS if left == 1 else left
        full = slice(0, count - rest), (-1, 1, _ROWS), (-1, _ROWS)
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


@cache
def _small_products() -> bool:
    """Whether OpenBLAS's AVX-512 kernels are at work: rows then agree bit for bit."""
    rng = np.random.default_rng(0)
    x, weight = (rng.standard_normal((64, 256)).astype(np.float32) for _ in range(2))
    together = x @ weight.T.copy()
    return all(
        np.array_equal(x[:rows] @ weight.T.copy(), together[:rows]) for rows in (2, 3, 5, 7, 33)
    )
