"""The numbers of a stream's nodes at one position, and of logits from hidden vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...shapes import Float
from .exact import exact, product
from .nodes import Leaf, Linear, Node, Norm, SoftCap, Sum
from .walk import Places


def input_at(node: Linear, places: Places) -> Float[Tensor, "width"]:
    """Return what a product multiplied at a position, in float64."""
    return places.vector(node.x, length_first=node.length_first)


def value_at(node: Leaf | Linear | Norm, places: Places) -> Float[Tensor, "width"]:
    """Return what a node added at a position, in float64."""
    if isinstance(node, Leaf):
        return places.vector(node.value)
    if isinstance(node, Norm):
        return places.vector(node.y)
    value = product(input_at(node, places), node.weight) * node.factor
    for bias in node.biases:
        value = value + exact(bias)
    return value


def logits_from(
    path: Sequence[Node], hidden: Float[Tensor, "count d_model"], dtype: torch.dtype
) -> Float[Tensor, "count vocab"]:
    """Return the logits of hidden vectors, as the model computes its own.

    Args:
        path: the nodes from the logits back to the hidden vectors.
        hidden: the vectors.
        dtype: of the model.
    """
    device = next((node.weight.device for node in path if isinstance(node, Linear)), None)
    x = hidden.to(device, dtype)[None]
    for node in reversed(path):
        if isinstance(node, Norm):
            x = node.module(x)
        elif isinstance(node, Linear):
            x = x @ node.weight.detach() * node.factor
            for bias in node.biases:
                x = x + bias.detach()
        elif isinstance(node, SoftCap):
            x = torch.tanh(x)
        elif isinstance(node, Sum):
            x = x * node.terms[0][0]
    return x[0]
