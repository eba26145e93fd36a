"""Backwards through a linear layer.

y  = x W^T + b
dx = dy W
dW = dy^T x          summed over all positions, which share the same W
db = dy              summed likewise
"""

from __future__ import annotations

from typing import NamedTuple

from ...shapes import Array, Float
from ..tracing.step_kind import StepKind
from ..tracing.steps import gradients as steps
from .scope import Scope

PLAIN = (steps.D_WEIGHT, steps.D_BIAS)


class LinearGradients(NamedTuple):
    """The gradients of a linear layer: of its input, its weight and its bias."""

    input: Float[Array, "*lead in"]
    weight: Float[Array, "out in"]
    bias: Float[Array, "out"]


def linear_gradients(
    d_output: Float[Array, "*lead out"],
    x: Float[Array, "*lead in"],
    weight: Float[Array, "out in"],
) -> LinearGradients:
    """Return the gradients of y = x W^T + b.

    Args:
        d_output: the gradient of y.
        x: what the layer read.
        weight: W.
    """
    rows, inputs = d_output.reshape(-1, d_output.shape[-1]), x.reshape(-1, x.shape[-1])
    return LinearGradients(d_output @ weight, rows.T @ inputs, rows.sum(axis=0))


def through_linear(
    scope: Scope,
    d_output: Float[Array, "*lead out"],
    x: Float[Array, "*lead in"],
    *,
    of: tuple[str, str],
    kinds: tuple[StepKind, StepKind] = PLAIN,
) -> Float[Array, "*lead in"]:
    """Record the gradients of a layer's weight and bias, and return that of its input.

    Args:
        scope: of the layer.
        d_output: the gradient of its output.
        x: what it read.
        of: the names of the steps that these two are.
        kinds: of the steps ``d_weight`` and ``d_bias``.
    """
    gradients = linear_gradients(d_output, x, scope.weight())
    scope.record_weight(kinds[0], gradients.weight, of=of)
    if scope.has_weight("bias"):
        scope.record_weight(kinds[1], gradients.bias, of=of[:1])
    return gradients.input
