"""The linear layer, x W^T + b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import ShapeError
from ...shapes import Array, Float
from ..products import PLAIN, Products

WeightAndBias = tuple[Array, Array | None]
"""Of a linear layer Float["out in"] and Float["out"]; None without a bias."""


def weight_and_bias(weights: Mapping[str, Array], path: str) -> WeightAndBias:
    """Return the weight and the bias, if there is one, of the layer at a path."""
    return weights[f"{path}.weight"], weights.get(f"{path}.bias")


class Linear:
    """A linear layer, x W^T + b.

    Args:
        weight: Float["out in"], as in PyTorch.
        bias: Float["out"], or None.
        products: how x W^T is computed.

    Attributes:
        product: the function of x Float["... in"] that returns x W^T.
        bias: as it came.

    Raises:
        ShapeError: weight and bias do not fit together.
    """

    def __init__(
        self, weight: Array, bias: Array | None = None, *, products: Products = PLAIN
    ) -> None:
        if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            came = "no bias" if bias is None else f"a bias of shape {bias.shape}"
            raise ShapeError(
                f"A linear layer takes a weight [out, in] and a bias [out]; "
                f"got a weight of shape {weight.shape} and {came}."
            )
        self.out_dim, self.in_dim = weight.shape
        self.product = products.by_weight(weight)
        self.bias = bias

    def __call__(self, x: Float[Array, "... in"]) -> Float[Array, "... out"]:
        """Return x W^T + b.

        Raises:
            ShapeError: the last axis of x is not ``in``.
        """
        if x.shape[-1] != self.in_dim:
            raise ShapeError(
                f"A linear layer of {self.in_dim} inputs was given an array of shape {x.shape}; "
                f"its last axis must be {self.in_dim}."
            )
        product = self.product(x)
        if self.bias is not None:
            product += self.bias
        return product


class JointLinear:
    """Several linear layers of the same input, as one product if possible.

    Args:
        layers: the weight and bias of each.
        products: how the product is computed. If they are ``joint``, the weights are copied into
            one array; otherwise they are one product only if they are already consecutive parts of
            one array.

    Attributes:
        linears: one for all layers if they are one product, or else one for each.

    Raises:
        ShapeError: some of the layers have a bias and some have none.
    """

    def __init__(self, layers: Sequence[WeightAndBias], *, products: Products = PLAIN) -> None:
        weights = [weight for weight, _ in layers]
        biases = [bias for _, bias in layers if bias is not None]
        if biases and len(biases) < len(layers):
            raise ShapeError("Joint linear layers have a bias either all or none.")
        whole = np.concatenate(weights) if products.joint else _whole(weights)
        if whole is None:
            self.linears = [Linear(*layer, products=products) for layer in layers]
        else:
            bias = np.concatenate(biases) if biases else None
            self.linears = [Linear(whole, bias, products=products)]
        ends = np.cumsum([len(weight) for weight in weights]).tolist()
        self._columns = [slice(*edge) for edge in zip([0, *ends], ends, strict=False)]

    def __call__(self, x: Float[Array, "... in"]) -> list[Float[Array, "... _"]]:
        """Return x W^T + b of each layer, as views of one array if they are one product."""
        if len(self.linears) == len(self._columns):
            return [linear(x) for linear in self.linears]
        outputs = self.linears[0](x)
        return [outputs[..., columns] for columns in self._columns]


def _whole(weights: Sequence[Array]) -> Array | None:
    """Return a view of weights that are consecutive in one array; None if they are not."""
    first = weights[0]
    rows = 0
    for weight in weights:
        address = first.ctypes.data + rows * first.strides[0]
        same_array = _owner(weight) is _owner(first) and weight.dtype == first.dtype
        if not same_array or weight.strides != first.strides or weight.ctypes.data != address:
            return None
        rows += len(weight)
    shape = (rows, first.shape[1])
    return np.lib.stride_tricks.as_strided(first, shape, first.strides, writeable=False)


def _owner(array: Array) -> object:
    """Return the object whose memory an array shows."""
    owner: object = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    return owner
