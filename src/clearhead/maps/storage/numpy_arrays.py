"""From tensors to NumPy arrays, for pictures and tables."""

from __future__ import annotations

from torch import Tensor

from ...shapes import Array, Shaped


def to_array(x: Shaped[Tensor, "*shape"]) -> Shaped[Array, "*shape"]:
    """Return a tensor as a NumPy array, from whatever device and graph it comes."""
    array: Array = x.detach().cpu().numpy()
    return array
