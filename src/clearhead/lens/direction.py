"""A direction in the residual stream, followed from a logit back through the norms.

A logit is linear in the last hidden vector. A norm is linear in its input if its statistics are
fixed at those of this forward pass: y = (x - mean) / sigma * gamma + beta gives

    y . g = x . (h - mean(h)) + beta . g        with h = g * gamma / sigma

and without means and beta for a root-mean-square norm. So the direction of a logit can be followed
back to any place in the stream; a vector there times the direction is its share of the logit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..reference.tracing.trace import Trace
from ..shapes import Array, Float


class BeforeNorm(NamedTuple):
    """A direction before a norm, and the share of the norm's own bias."""

    direction: Float[Array, "d_model"]
    bias: float


class NormStatistics:
    """The norms of one forward pass at one position.

    Args:
        trace: holds the statistics of every norm: ``variance`` or ``mean_square``.
        weights: of the model.
        epsilon: of its norms.
        row, position: which row of the batch, and which position in it.
    """

    def __init__(
        self, trace: Trace, weights: Mapping[str, Array], epsilon: float, row: int, position: int
    ) -> None:
        self._trace, self._weights, self._epsilon = trace, weights, epsilon
        self._row, self._position = row, position

    def before(self, path: str, direction: Float[Array, "d_model"]) -> BeforeNorm:
        """Return the direction before the norm at a path, from the one after it."""
        direction = np.asarray(direction)
        scaled = direction * self._weights[f"{path}.weight"]
        centred = f"{path}.variance" in self._trace
        name = "variance" if centred else "mean_square"
        spread = self._trace[f"{path}.{name}"].value[self._row, self._position, 0]
        scaled = scaled / np.sqrt(spread + self._epsilon)
        if not centred:
            return BeforeNorm(scaled, 0.0)
        bias = self._weights.get(f"{path}.bias")
        of_bias = 0.0 if bias is None else float(bias @ direction)
        return BeforeNorm(scaled - scaled.mean(), of_bias)
