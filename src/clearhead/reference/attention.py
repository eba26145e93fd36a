"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), step by step.

    scores  = Q K^T
    scaled  = scores / sqrt(head_dim)
    capped  = softcap * tanh(scaled / softcap)      only with a softcap
    masked  = scaled where a query may attend, else -inf
    weights = softmax of masked over the keys
    output  = weights V

The surface is that of the ONNX operator Attention (opset 25), whose ``qk_matmul_output`` in its
modes 0, 1, 2, 3 is the step ``scaled``, ``capped``, ``masked``, ``weights`` here.

In shapes, ``*heads`` and ``*kv_heads`` are all axes before the last two: batch and heads, heads
alone, or none.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ConfigError, ShapeError
from ..shapes import Array, Bool, Float, Shaped
from .attention_inputs import fitting_mask, prepare_inputs, visible_keys
from .masks import Window
from .products import Multiply
from .settings import check_heads, floating_dtype, optional_number
from .softmax import softmax_in_place
from .tracing.step_kind import StepKind
from .tracing.steps import attention as steps
from .tracing.trace import OFF
from .tracing.watcher import Watcher


def attention(
    query: Array,
    key: Array,
    value: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    window: Window | None = None,
    past_key: Array | None = None,
    past_value: Array | None = None,
    key_lengths: Array | None = None,
    softmax_dtype: Any = None,
    num_heads: int | None = None,
    num_kv_heads: int | None = None,
    multiply: Multiply = np.matmul,
    trace: Watcher = OFF,
) -> tuple[Float[Array, "... query_len _"], Float[Array, "*heads query_len key_len"]]:
    """Return softmax(Q K^T / sqrt(head_dim)) V, and the weights.

    Leading axes may be left out: two axes are one head, three are heads without a batch. With
    fewer heads of keys and values than of queries, each of them serves a group of neighbouring
    query heads (grouped-query attention, Ainslie et al. 2023; one alone is multi-query attention,
    Shazeer 2019). A query that may attend to nothing has zero weights and a zero output.

    Args:
        query: Float["batch heads query_len head_dim"].
        key: Float["batch kv_heads key_len head_dim"].
        value: Float["batch kv_heads key_len value_dim"].
        mask: broadcasts to Float["batch heads query_len key_len"]. Boolean: True where a query
            may attend. Floating: added to the scaled (and capped) scores. With ``key_lengths`` its
            last axis may be shorter: no query attends to keys beyond it.
        causal: no query attends to a key after its own position. The position is the index plus the
            length of the past; with ``key_lengths`` the last query is at the last key.
        scale: factor of the scores; None means 1 / sqrt(head_dim).
        softcap: above 0, scores are bent into (-softcap, softcap) (Gemma 2, arXiv 2408.00118);
            None and 0 leave them as they are.
        window: how many positions on each side of its own a query sees: (before, after), None for
            no limit; one number stands for both sides.
        past_key, past_value: earlier keys and values, to which the others are appended; the steps
            ``key`` and ``value`` of a trace hold all of them. With heads on their own axis.
        key_lengths: Int["batch"], the number of keys in each row; the rest is padding.
        softmax_dtype: the dtype to compute the softmax in; the weights are cast back. None means
            that of the scores.
        num_heads, num_kv_heads: for inputs with heads side by side, Float["batch length
            heads*head_dim"]: the number of heads. The output has them side by side, too.
            ``num_kv_heads`` defaults to ``num_heads``.
        multiply: how a product of two matrices is computed.
        trace: records and replaces the steps ``query key value scores scaled [capped] [bias] masked
            weights [contributions] output``; the inputs only if the caller has not recorded them in
            the same scope. Contributions, weight times value for each query and key, are large:
            they are computed only for a trace that requests them by a pattern.

    Returns:
        output Float["batch heads query_len value_dim"] and
        weights Float["batch heads query_len key_len"], in the dtype of the inputs. Half precision
        is computed in float32 and rounded once, at the end.

    Raises:
        ShapeError: the arrays do not fit together, or ``window`` is no window.
        ConfigError: ``scale`` or ``softcap`` is not a finite number, ``softmax_dtype`` not a
            floating dtype, or a number of heads not a positive integer.
    """
    scale = optional_number("scale", scale)
    softcap = optional_number("softcap", softcap, least=0.0) or 0.0
    softmax_dtype = floating_dtype("softmax_dtype", softmax_dtype)
    half = getattr(query, "dtype", None) == np.float16

    # Queries, keys and values, with heads on an axis of their own and earlier keys in front.
    query, key, value = _split_inputs(query, key, value, num_heads, num_kv_heads)
    query, key, value, past_len = prepare_inputs(query, key, value, past_key, past_value)
    if trace.enabled:
        query = _input(trace, steps.QUERY_INPUT, query)
        key = _input(trace, steps.JOINED_KEY if past_len else steps.KEY_INPUT, key)
        value = _input(trace, steps.JOINED_VALUE if past_len else steps.VALUE_INPUT, value)

    # The steps at the head of this file.
    scores = _scaled_scores(query, key, scale, softcap, multiply, trace)
    mask = fitting_mask(mask, scores.shape[-1], key_lengths)
    visible = visible_keys(scores, causal, window, past_len, key_lengths)
    masked = _masked(scores, mask, visible, trace, capped=softcap > 0)
    weights = _weights(masked, softmax_dtype, trace)
    output = _output(weights, value, multiply, trace)
    if num_heads is not None:
        output = merge_heads(output)
    return (output.astype(np.float16), weights.astype(np.float16)) if half else (output, weights)


def split_heads(x: Array, num_heads: int) -> Shaped[Array, "*batch heads length head_dim"]:
    """Split the last axis into heads.

    Args:
        x: Float["*batch length heads*head_dim"].
        num_heads: the number of heads.

    Returns:
        a view.

    Raises:
        ConfigError: ``num_heads`` is not a positive integer.
        ShapeError: the last axis cannot be split into so many heads.
    """
    check_heads("num_heads", num_heads)
    x = np.asarray(x)
    if x.ndim < 2:
        raise ShapeError(f"Heads are split from [..., length, width]; the array is {x.shape}.")
    *lead, length, width = x.shape
    if width % num_heads:
        raise ShapeError(
            f"An array of shape {x.shape} cannot be split into {num_heads} heads: its last axis, "
            f"{width}, is not a multiple of {num_heads}."
        )
    return x.reshape(*lead, length, num_heads, width // num_heads).swapaxes(-2, -3)


def merge_heads(
    x: Shaped[Array, "*batch heads length head_dim"],
) -> Shaped[Array, "*batch length heads*head_dim"]:
    """Put heads side by side."""
    *lead, heads, length, width = x.shape
    return x.swapaxes(-2, -3).reshape(*lead, length, heads * width)


def _split_inputs(
    query: Array, key: Array, value: Array, num_heads: int | None, num_kv_heads: int | None
) -> tuple[Array, Array, Array]:
    """Split inputs with heads side by side, which ``num_heads`` says they have."""
    if num_heads is not None:
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        check_heads("num_heads", num_heads)
        check_heads("num_kv_heads", num_kv_heads)
        query = split_heads(query, num_heads)
        key, value = (split_heads(x, num_kv_heads) for x in (key, value))
    elif num_kv_heads is not None:
        raise ConfigError(
            f"num_kv_heads is {num_kv_heads!r}, and num_heads is None: for heads that lie side by "
            "side give num_heads too; for heads on an axis of their own give neither."
        )
    return query, key, value


def _each_head(
    a: Float[Array, "*heads rows inner"],
    b: Float[Array, "*kv_heads inner columns"],
    multiply: Multiply,
) -> Float[Array, "*heads rows columns"]:
    """Multiply a @ b in each head; one head of b may serve a group of heads of a.

    Args:
        a: queries or weights.
        b: transposed keys, or values.
        multiply: how two matrices are multiplied.
    """
    if a.ndim < 3 or a.shape[-3] == b.shape[-3]:
        return multiply(a, b)
    *lead, heads, rows, width = a.shape
    kv_heads = b.shape[-3]
    # The rows of a group are stacked, so that no head of b is repeated.
    groups = multiply(a.reshape(*lead, kv_heads, heads // kv_heads * rows, width), b)
    return groups.reshape(*lead, heads, rows, b.shape[-1])


def _input(trace: Watcher, kind: StepKind, value: Array) -> Array:
    """Record an input of attention, unless the caller has done so.

    A caller with a cache records the new ones as ``new_key`` and ``new_value``.
    """
    if trace.visited(kind.name):
        return value
    new = f"new_{kind.name}"
    return trace.record(kind, value, of=(new,) if trace.visited(new) else ())


def _scaled_scores(
    query: Float[Array, "*heads query_len head_dim"],
    key: Float[Array, "*kv_heads key_len head_dim"],
    scale: float | None,
    softcap: float,
    multiply: Multiply,
    trace: Watcher,
) -> Float[Array, "*heads query_len key_len"]:
    """Return Q K^T in each head, scaled and, with a softcap, bent."""
    scores = _each_head(query, key.swapaxes(-1, -2), multiply)
    scores = trace.record(steps.SCORES, scores)
    # A trace keeps copies, so from here on the one array can be worked on in place.
    if scale is None:
        scores *= 1 / math.sqrt(query.shape[-1])
        scores = trace.record(steps.SCALED, scores)
    else:
        scores *= float(scale)
        scores = trace.record(steps.SCALED_BY_NUMBER, scores)
    if softcap > 0:
        scores /= float(softcap)
        np.tanh(scores, out=scores)
        scores *= float(softcap)
        scores = trace.record(steps.CAPPED, scores)
    return scores


def _masked(
    scores: Float[Array, "*heads query_len key_len"],
    mask: Array | None,
    visible: Bool[Array, "... #query_len key_len"] | None,
    trace: Watcher,
    *,
    capped: bool,
) -> Float[Array, "*heads query_len key_len"]:
    """Add a floating mask, and put -inf where a query may not attend. Works in place."""
    kind = steps.MASKED_CAPPED if capped else steps.MASKED
    if trace.enabled and mask is not None and mask.dtype != bool:
        mask = _input(trace, steps.BIAS, mask)
        kind = steps.MASKED_CAPPED_WITH_BIAS if capped else steps.MASKED_WITH_BIAS
    try:
        if mask is not None and mask.dtype != bool:
            with np.errstate(invalid="ignore"):  # inf + -inf, which is corrected below
                scores += mask
            np.copyto(scores, -np.inf, where=np.isneginf(mask))
        elif mask is not None:
            np.copyto(scores, -np.inf, where=~mask)
    except ValueError as error:
        raise ShapeError(
            f"A mask of shape {mask.shape if mask is not None else ()} does not broadcast to the "
            f"scores {scores.shape}. Its axes are, from the last: key_len, query_len, heads, batch."
        ) from error
    if visible is not None:
        np.copyto(scores, -np.inf, where=~visible)
    return trace.record(kind, scores)


def _weights(
    masked: Float[Array, "*heads query_len key_len"], softmax_dtype: Any, trace: Watcher
) -> Float[Array, "*heads query_len key_len"]:
    """Return the softmax of the scores over the keys. Works in place."""
    if softmax_dtype is None:
        weights = softmax_in_place(masked)
    else:
        weights = softmax_in_place(masked.astype(softmax_dtype)).astype(masked.dtype)
    return trace.record(steps.WEIGHTS, weights)


def _output(
    weights: Float[Array, "*heads query_len key_len"],
    value: Float[Array, "*kv_heads key_len value_dim"],
    multiply: Multiply,
    trace: Watcher,
) -> Float[Array, "*heads query_len value_dim"]:
    """Return weights V in each head; where contributions are replaced, their sum over the keys."""
    if trace.asks("contributions"):
        contributions = _contributions(weights, value)
        replacement = trace.record(steps.CONTRIBUTIONS, contributions)
        if replacement is not contributions:
            return trace.record(steps.SUMMED_CONTRIBUTIONS, replacement.sum(axis=-2))
    return trace.record(steps.OUTPUT, _each_head(weights, value, multiply))


def _contributions(
    weights: Float[Array, "*heads query_len key_len"],
    value: Float[Array, "*kv_heads key_len value_dim"],
) -> Float[Array, "*heads query_len key_len value_dim"]:
    """Return the contribution of each key to each query."""
    if value.ndim > 2 and value.shape[-3] != weights.shape[-3]:
        value = value.repeat(weights.shape[-3] // value.shape[-3], axis=-3)
    return weights[..., None] * value[..., None, :, :]
