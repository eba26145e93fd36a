"""A norm as a linear map, with its scale fixed at the value for one vector.

A layer norm is y = (x - mean(x)) / s * gain + bias, a root-mean-square norm y = x / s * gain
(some write 1 + weight for the gain). With ``s`` fixed at its value for this vector, y is linear in
x, and a direction after the norm can be carried to before it (Elhage et al. 2021, "A Mathematical
Framework for Transformer Circuits"; TransformerLens folds norms in the same way). Which of these a
module computes is decided by its numbers: the one that gives the module's own output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...shapes import Float
from .exact import exact

# The tolerance of outputs against the module's own, relative to the largest. Many norms compute in
# float32 whatever the model's dtype.
TOLERANCES = {torch.float64: 1e-4, torch.float32: 1e-4}
HALF = 0.03


@dataclass(frozen=True, eq=False)
class FrozenNorm:
    """A norm at one vector.

    Attributes:
        scale: gain over s.
        centred: whether the mean is subtracted from x, as in a layer norm.
        bias: what is added.
    """

    scale: Float[Tensor, "d_model"]
    centred: bool
    bias: Float[Tensor, "d_model"] | None

    def before(self, direction: Float[Tensor, "d_model"]) -> Float[Tensor, "d_model"]:
        """Return the direction before the norm, from the one after it: its transpose."""
        scaled = direction * self.scale
        return scaled - scaled.mean() if self.centred else scaled


def frozen_norm(
    module: nn.Module, x: Float[Tensor, "d_model"], y: Float[Tensor, "d_model"], dtype: torch.dtype
) -> FrozenNorm | None:
    """Return the norm that a module applies to a vector; None if it is no such norm.

    Args:
        module: has at most two vectors as parameters: a gain and a bias.
        x, y: its input and output, in float64.
        dtype: in which the module computed, which tells how exact its numbers are.
    """
    limit = TOLERANCES.get(dtype, HALF) * float(y.abs().max().clamp_min(1e-300))
    for gain, bias, centred in _candidates(module, x):
        base = (x - x.mean() if centred else x) * gain
        rest = y if bias is None else y - bias
        length = float(base @ base)
        if not length > 0:
            continue
        inverse = float(base @ rest) / length
        if inverse > 0 and float((base * inverse - rest).abs().max()) <= limit:
            return FrozenNorm(gain * inverse, centred, bias)
    return None


def _candidates(
    module: nn.Module, x: Float[Tensor, "d_model"]
) -> Iterator[tuple[Tensor, Tensor | None, bool]]:
    """Yield gain, bias, and whether the mean is subtracted, for each norm that it may be."""
    weights = {name: exact(p) for name, p in module.named_parameters(recurse=False)}
    biases = [p for name, p in weights.items() if name.startswith(("bias", "beta", "b_"))]
    gains = [p for name, p in weights.items() if not name.startswith(("bias", "beta", "b_"))]
    bias = biases[0] if biases else None
    plain = [*gains, *(1.0 + gain for gain in gains)] or [torch.ones_like(x)]
    for centred in (True, False):
        for gain in plain:
            yield gain, bias, centred
