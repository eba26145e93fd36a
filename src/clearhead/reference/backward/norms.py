"""Backwards through layer norm and root-mean-square norm.

    n  = (x - mean) / s,   s = sqrt(variance + epsilon)          y = n * weight + bias
    dn = dy * weight
    dx = (dn - mean(dn) - n * mean(dn * n)) / s

A norm is the same for x, x + c and c x (but for epsilon), so moving x in the direction of (1, 1,
..., 1) or of n changes nothing: the components of dn in these two directions are removed. An RMS
norm subtracts no mean, so only the second component is removed.
"""

from __future__ import annotations

import numpy as np

from ...shapes import Array, Float
from ..tracing.step_kind import StepKind
from ..tracing.steps import gradients as steps
from .scope import Scope

PLAIN = (steps.D_NORMALIZED, steps.D_NORM_WEIGHT)


def layer_norm_gradient(
    d_normalized: Float[Array, "*lead width"],
    normalized: Float[Array, "*lead width"],
    deviation: Float[Array, "*lead 1"],
) -> Float[Array, "*lead width"]:
    """Return the gradient of x, of normalized = (x - mean) / deviation over the last axis.

    Args:
        d_normalized: the gradient of the normalized vectors.
        normalized: these vectors.
        deviation: sqrt(variance + epsilon).
    """
    mean = d_normalized.mean(axis=-1, keepdims=True)
    return (d_normalized - mean - normalized * _mean_product(d_normalized, normalized)) / deviation


def rms_norm_gradient(
    d_normalized: Float[Array, "*lead width"],
    normalized: Float[Array, "*lead width"],
    root: Float[Array, "*lead 1"],
) -> Float[Array, "*lead width"]:
    """Return the gradient of x, of normalized = x / root over the last axis.

    Args:
        d_normalized: the gradient of the normalized vectors.
        normalized: these vectors.
        root: sqrt(mean(x^2) + epsilon).
    """
    return (d_normalized - normalized * _mean_product(d_normalized, normalized)) / root


def _mean_product(
    a: Float[Array, "*lead width"], b: Float[Array, "*lead width"]
) -> Float[Array, "*lead 1"]:
    return (a * b).mean(axis=-1, keepdims=True)


def through_norm(
    scope: Scope,
    d_output: Float[Array, "*lead width"],
    epsilon: float,
    *,
    kinds: tuple[StepKind, StepKind] = PLAIN,
    input_kind: StepKind | None = None,
) -> Float[Array, "*lead width"]:
    """Record the gradients of a norm's weights, and return that of its input.

    Args:
        scope: of the norm; ``d_output`` is recorded there already.
        d_output: the gradient of its output.
        epsilon: of the config.
        kinds: of the steps ``d_normalized`` and ``d_weight``.
        input_kind: of the step ``d_input``; None: that of the norm of a whole vector.
    """
    normalized = scope["normalized"]
    lead = tuple(range(d_output.ndim - 1))
    scope.record_weight(kinds[1], (d_output * normalized).sum(axis=lead))
    if scope.has_weight("bias"):
        scope.record_weight(steps.D_BIAS, d_output.sum(axis=lead), of=("d_output",))
    d_normalized = scope.record(kinds[0], d_output * scope.weight())
    if "mean_square" in scope:
        root = np.sqrt(scope["mean_square"] + epsilon)
        d_input = rms_norm_gradient(d_normalized, normalized, root)
        return scope.record(input_kind or steps.D_NORM_INPUT["rms"], d_input)
    deviation = np.sqrt(scope["variance"] + epsilon)
    d_input = layer_norm_gradient(d_normalized, normalized, deviation)
    return scope.record(input_kind or steps.D_NORM_INPUT["layer"], d_input)
