"""The linear layer, x W^T + b.

The product is made by `clearhead.reference.products`, so that a row does not depend on the rows
beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from .products import prepare

Array = np.ndarray[Any, Any]

_MULTIPLE = 64  # the outer axis is padded with zeros to a multiple of this


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
        self._dtype = weight.dtype
        self._parts = [slice(0, self.out_dim)]
        width = -(-self.out_dim // _MULTIPLE) * _MULTIPLE
        padded = np.zeros((self.in_dim, width), weight.dtype)
        padded[:, : self.out_dim] = weight.T
        self._product = prepare(padded)
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
        """Float["... length in"] to Float["... length out"].

        Each sequence, of the last axis but one, is multiplied on its own: what is decoded step by
        step stands in sequences of one position.
        """
        if x.shape[-1] != self.in_dim:
            raise ShapeError(
                f"A linear layer of {self.in_dim} inputs was given an array of shape {x.shape}; "
                f"its last axis must be {self.in_dim}."
            )
        if not x.size:
            return np.zeros((*x.shape[:-1], self.out_dim), np.result_type(x, self._dtype))
        length = x.shape[-2] if x.ndim > 1 else 1
        product = self._product(x.reshape(-1, length, self.in_dim))
        if self._bias is not None:
            product += self._bias
        if product.shape[-1] != self.out_dim:
            product = product[..., : self.out_dim]
        return product if x.ndim == 3 else product.reshape(*x.shape[:-1], self.out_dim)

    def parts(self, x: Array) -> list[Array]:
        """The results of the joint layers, one by one: views of one array."""
        whole = self(x)
        return [whole[..., part] for part in self._parts]
