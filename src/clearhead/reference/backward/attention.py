"""Backwards through scaled dot-product attention, step by step.

With P the weights, S the scaled scores, and dO the gradient of the output O = P V:

    dV = P^T dO                                summed over the queries that read the value
    dP = dO V^T
    dS = P * (dP - sum over keys of P * dP)    the Jacobian of softmax, diag(p) - p p^T, times dP
    dQ = dS K / sqrt(head_dim)
    dK = dS^T Q / sqrt(head_dim)

Masked scores need no care: their weight, and so their gradient, is 0. In shapes, ``*heads`` and
``*kv_heads`` are all axes before the last two, as in `clearhead.reference.attention`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...errors import ShapeError
from ...shapes import Array, Float
from ..attention import attention
from ..masks import Window
from ..tracing.steps import attention_gradients as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher
from .scope import Scope, Tape


class AttentionGradients(NamedTuple):
    """The gradients of the inputs of attention.

    Attributes:
        query, key, value: each of its input's shape.
        masked: of the scores before the softmax, which is also the gradient of a bias added to
            them.
    """

    query: Float[Array, "*heads query_len head_dim"]
    key: Float[Array, "*kv_heads key_len head_dim"]
    value: Float[Array, "*kv_heads key_len value_dim"]
    masked: Float[Array, "*heads query_len key_len"]


def softmax_gradient(
    d_weights: Float[Array, "*lead keys"], weights: Float[Array, "*lead keys"]
) -> Float[Array, "*lead keys"]:
    """Return the gradient of x, of weights = softmax(x) over the last axis.

    The derivative of a weight is w (1 - w) for its own score and -w w' for another: the Jacobian is
    diag(w) - w w^T. Its product with a row d of gradients is w * (d - sum of w * d): only
    deviations from the mean matter, because the weights always sum to 1.

    Args:
        d_weights: the gradient of the weights.
        weights: softmax(x).
    """
    return weights * (d_weights - (weights * d_weights).sum(axis=-1, keepdims=True))


def attention_gradients(
    d_output: Array,
    query: Array,
    key: Array,
    value: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    window: Window | None = None,
    trace: Watcher = OFF,
) -> AttentionGradients:
    """Return the gradients of a loss with respect to the inputs of attention.

    Args:
        d_output: Float["batch heads query_len value_dim"], the derivative of the loss with respect
            to each number of attention's output.
        query, key, value, mask, causal, scale, softcap, window: as in `attention`; leading axes
            may be left out.
        trace: records the forward pass, and then the steps ``d_output d_value d_weights d_masked
            [d_capped] d_scaled d_scores d_query d_key``.

    Returns:
        gradients, in float64.

    Raises:
        ShapeError: the arrays do not fit together.
        ConfigError: as `attention`.
        TraceError: the trace replaces a step of the forward pass.
    """
    query, key, value, d_output = (
        np.asarray(array, dtype=np.float64) for array in (query, key, value, d_output)
    )
    tape = Tape(trace)
    output, _ = attention(
        query, key, value, mask=mask, causal=causal, scale=scale, softcap=softcap, window=window,
        trace=tape,
    )  # fmt: skip
    if d_output.shape != output.shape:
        raise ShapeError(
            f"d_output has the shape {d_output.shape}, and attention's output {output.shape}: it "
            "is the derivative of a loss with respect to each number of that output."
        )
    scope = Scope(tape, {}, trace)
    d_output = scope.record(steps.D_GIVEN_OUTPUT, d_output)
    return through_attention(scope, d_output, scale=scale, softcap=softcap)


def through_attention(
    scope: Scope,
    d_output: Float[Array, "*heads query_len value_dim"],
    *,
    scale: float | None,
    softcap: float | None,
) -> AttentionGradients:
    """Record the gradients of attention's steps, from its output back to its inputs.

    Args:
        scope: of the attention; ``d_output`` is recorded there already.
        d_output: the gradient of its output.
        scale, softcap: as in `attention`.
    """
    query, key, value, weights = (scope[name] for name in ("query", "key", "value", "weights"))
    shared = key.ndim > 2 and key.shape[-3] != query.shape[-3]

    d_value = _sum_of_group(_transposed(weights) @ d_output, value)
    d_value = scope.record(steps.D_VALUE[shared], d_value)
    d_weights = d_output @ _transposed(_for_each_query_head(value, query))
    d_weights = scope.record(steps.D_WEIGHTS, d_weights)

    d_masked = scope.record(steps.D_MASKED, softmax_gradient(d_weights, weights))
    d_scores = _through_scale(scope, d_masked, scale, softcap)

    d_query = scope.record(steps.D_QUERY, d_scores @ _for_each_query_head(key, query))
    d_key = _sum_of_group(_transposed(d_scores) @ query, key)
    d_key = scope.record(steps.D_KEY[shared], d_key)
    return AttentionGradients(d_query, d_key, d_value, d_masked)


def _through_scale(
    scope: Scope,
    d_masked: Float[Array, "*heads query_len key_len"],
    scale: float | None,
    softcap: float | None,
) -> Float[Array, "*heads query_len key_len"]:
    """Return the gradient of Q K^T: through mask and cap, and times the factor of the scores."""
    d_scaled = d_masked
    if softcap:
        d_capped = scope.record(steps.D_CAPPED, d_masked, of=("d_masked",))
        d_scaled = d_capped * (1 - (scope["capped"] / softcap) ** 2)  # tanh' = 1 - tanh^2
        d_scaled = scope.record(steps.D_SCALED[True], d_scaled)
    else:
        d_scaled = scope.record(steps.D_SCALED[False], d_masked, of=("d_masked",))
    factor = 1 / math.sqrt(scope["query"].shape[-1]) if scale is None else scale
    return scope.record(steps.D_SCORES[scale is not None], d_scaled * factor)


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _for_each_query_head(x: Array, query: Array) -> Array:
    """Repeat each head of keys or values for the query heads that it serves."""
    if x.ndim < 3 or x.shape[-3] == query.shape[-3]:
        return x
    return x.repeat(query.shape[-3] // x.shape[-3], axis=-3)


def _sum_of_group(d: Array, x: Array) -> Array:
    """Sum the gradients of a group's query heads for the head of keys or values that they share."""
    if d.shape == x.shape:
        return d
    *lead, kv_heads, length, width = x.shape
    return d.reshape(*lead, kv_heads, -1, length, width).sum(axis=-3)
