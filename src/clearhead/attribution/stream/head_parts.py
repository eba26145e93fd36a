"""Divides what an attention added to the stream among its heads, and among the tokens of each.

The product with the output matrix is linear: what head h adds is its own part of the product's
input times its own rows of the matrix, and that part is the sum over tokens of a weight times a
value (Elhage et al. 2021, section "Attention heads are independent and additive"). It is not
assumed that the input is the heads side by side: it is compared with weights times values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...maps.attention_map import AttentionMap
from ...maps.recording.recording import Recording
from ...shapes import Float
from .exact import exact, product
from .nodes import Linear, Norm
from .values import input_at
from .walk import Part, Places

# The tolerance of weights times values against the input of the output matrix, relative to the
# largest.
TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-4}
HALF = 0.05


@dataclass(frozen=True, eq=False)
class HeadShares:
    """The shares of an attention's heads in a logit.

    Attributes:
        name: of the module that attended.
        heads: of each head.
        sources: of each token that a head attended to; they sum to the head.
    """

    name: str
    heads: Float[Tensor, "heads"]
    sources: Float[Tensor, "heads key_len"]


class AttentionRows:
    """The attentions of a run, which match the inputs of output matrices.

    Args:
        recording: of the run, with values.
        places: of interest.
    """

    def __init__(self, recording: Recording, places: Places) -> None:
        self._places = places
        self._rows: list[_Row] = []
        for name in recording:
            if name in recording.refusals:
                continue
            for attention_map in recording.calls(name):
                if isinstance(attention_map, AttentionMap) and self._fits(attention_map):
                    self._rows.append(_row(name, attention_map, places))

    def _fits(self, attention_map: AttentionMap) -> bool:
        batch, _, query_len, _ = attention_map.shape
        return (batch, query_len) == (self._places.batch, self._places.length)

    def shares(self, part: Part) -> HeadShares | None:
        """Return the shares of an attention's heads; None where a part is no attention.

        Args:
            part: what was added to the stream.
        """
        if isinstance(part.node, Norm):
            return None
        if isinstance(part.node, Linear):
            z = input_at(part.node, self._places)
            stack = part.node.x_stack
        else:
            z, stack = self._places.vector(part.node.value), part.node.stack
        rows = [row for row in self._rows if row.is_input(z)]
        if not rows:
            return None
        # Equal attentions of two modules differ only in their names.
        row = next((row for row in rows if row.name in stack), rows[0])
        direction = part.direction
        if isinstance(part.node, Linear):
            direction = product(direction * part.node.factor, part.node.weight.t())
        directions = direction.view(row.outputs.shape)
        sources = row.weights * torch.einsum("hkd,hd->hk", row.values, directions)
        return HeadShares(row.name, (z.view(row.outputs.shape) * directions).sum(1), sources)


@dataclass(frozen=True, eq=False)
class _Row:
    """One query of an attention.

    Attributes:
        name: of the module.
        weights: of the query.
        values: of the keys, for each query head.
        outputs: weights times values.
        tolerance: the tolerance of the outputs, relative to the largest.
    """

    name: str
    weights: Float[Tensor, "heads key_len"]
    values: Float[Tensor, "heads key_len value_dim"]
    outputs: Float[Tensor, "heads value_dim"]
    tolerance: float

    def is_input(self, z: Float[Tensor, "width"]) -> bool:
        """Return whether a vector consists of the heads' outputs, side by side."""
        if len(z) != self.outputs.numel():
            return False
        limit = self.tolerance * float(z.abs().max().clamp_min(1e-30))
        return float((self.outputs.flatten() - z).abs().max()) <= limit


def _row(name: str, attention_map: AttentionMap, places: Places) -> _Row:
    assert attention_map.value is not None
    weights = exact(attention_map[places.row, :, places.position])
    value = exact(attention_map.value[places.row])
    values = value.repeat_interleave(len(weights) // len(value), 0)
    outputs = torch.einsum("hk,hkd->hd", weights, values)
    return _Row(name, weights, values, outputs, TOLERANCES.get(attention_map.value.dtype, HALF))
