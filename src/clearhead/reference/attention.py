"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), step by step.

    scores  = Q K^T
    scaled  = scores / sqrt(head_dim)
    capped  = softcap * tanh(scaled / softcap)      only with a softcap
    masked  = scaled where a query may attend, else -inf
    weights = softmax of masked over the keys
    output  = weights V

The surface is that of the ONNX operator Attention (opset 25), whose ``qk_matmul_output`` in its
modes 0, 1, 2, 3 is the step ``scaled``, ``capped``, ``masked``, ``weights`` here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError
from .masks import Window, causal_mask, combine, extend_mask, padding_mask, sliding_window_mask
from .softmax import softmax_in_place
from .trace import OFF, Off, Trace

Array = np.ndarray[Any, Any]

# The last two to four of these name the axes of an array of two to four.
QUERY_AXES = ("batch", "heads", "query_len", "head_dim")
KEY_AXES = ("batch", "kv_heads", "key_len", "head_dim")
VALUE_AXES = ("batch", "kv_heads", "key_len", "value_dim")
SCORE_AXES = ("batch", "heads", "query_len", "key_len")
OUTPUT_AXES = ("batch", "heads", "query_len", "value_dim")


def attention(
    query: Array,
    key: Array,
    value: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float = 0.0,
    window: Window | None = None,
    past_key: Array | None = None,
    past_value: Array | None = None,
    key_lengths: Array | None = None,
    softmax_dtype: Any = None,
    num_heads: int | None = None,
    num_kv_heads: int | None = None,
    trace: Trace | Off = OFF,
) -> tuple[Array, Array]:
    """softmax(Q K^T / sqrt(head_dim)) V, and the weights beside it.

    Leading axes may be left out: two axes are one head, three are heads without a batch. With
    fewer heads of keys and values than of queries, each of them serves a group of neighbouring
    query heads (grouped-query attention, Ainslie et al. 2023; one alone is multi-query attention,
    Shazeer 2019). A query that may attend to nothing has zero weights and a zero output.

    Args:
        query: Float["batch heads query_len head_dim"].
        key: Float["batch kv_heads key_len head_dim"].
        value: Float["batch kv_heads key_len value_dim"].
        mask: broadcasts to Float["batch heads query_len key_len"]. Boolean: True where a query
            may attend. Floating: added to the scaled (and capped) scores. With ``key_lengths``
            its last axis may end early: to the keys beyond it nobody attends.
        causal: a query attends to no key after its own position. Its position is its index plus
            the length of the past; with ``key_lengths`` the last query stands at the last key.
        scale: factor of the scores; None means 1 / sqrt(head_dim).
        softcap: above 0, scores are bent into (-softcap, softcap) (Gemma 2, arXiv 2408.00118).
        window: how many positions beside its own a query sees: (before, after), None for no
            limit; one number is for both sides.
        past_key, past_value: earlier keys and values, put before the given ones; the steps
            ``key`` and ``value`` of a trace are the joined ones. Heads apart, as in 4 axes.
        key_lengths: Int["batch"], how many of the keys are there in each row; the rest is padding.
        softmax_dtype: the dtype to compute the softmax in; weights come back in the query's.
        num_heads, num_kv_heads: for inputs in which heads lie side by side,
            Float["batch length heads*head_dim"]: how many there are. The output has them side by
            side again. None for the second means as many as of the first.
        trace: records and replaces the steps ``query key value scores scaled [capped] masked
            weights [contributions] output``; of the first three those that the caller has not
            recorded in the same scope, with the projection they came from. Contributions, weight times value for each query and
            key, are large: they are computed only for a trace that asks for them by a pattern.

    Returns:
        output Float["batch heads query_len value_dim"] and
        weights Float["batch heads query_len key_len"], in the query's dtype.

    Raises:
        ShapeError: the arrays do not fit together.
    """
    if num_heads is not None:
        query = split_heads(query, num_heads)
        key = split_heads(key, num_kv_heads or num_heads)
        value = split_heads(value, num_kv_heads or num_heads)
    query, key, value, past_len = _prepared(query, key, value, past_key, past_value)
    if trace.enabled:
        query = _input(trace, "query", query, "Q", QUERY_AXES)
        key = _input(trace, "key", key, "K" if not past_len else "[past K; K]", KEY_AXES)
        value = _input(trace, "value", value, "V" if not past_len else "[past V; V]", VALUE_AXES)
    scores = _scaled_scores(query, key, scale, softcap, trace)
    mask = _fitting(mask, scores.shape[-1], key_lengths)
    allowed = _allowed(scores, causal, window, past_len, key_lengths)
    masked = _masked(scores, mask, allowed, trace, of="capped" if softcap > 0 else "scaled")
    weights = _weights(masked, softmax_dtype, trace)
    output = _output(weights, value, trace)
    return (output if num_heads is None else merge_heads(output)), weights


def split_heads(x: Array, num_heads: int) -> Array:
    """["batch length heads*head_dim"] to a view ["batch heads length head_dim"]."""
    *lead, length, width = x.shape
    if width % num_heads:
        raise ShapeError(
            f"An array of shape {x.shape} cannot be split into {num_heads} heads: its last axis, "
            f"{width}, is not a multiple of {num_heads}."
        )
    return x.reshape(*lead, length, num_heads, width // num_heads).swapaxes(-2, -3)


def merge_heads(x: Array) -> Array:
    """["batch heads length head_dim"] to ["batch length heads*head_dim"]."""
    *lead, heads, length, width = x.shape
    return x.swapaxes(-2, -3).reshape(*lead, length, heads * width)


def _prepared(
    query: Array, key: Array, value: Array, past_key: Array | None, past_value: Array | None
) -> tuple[Array, Array, Array, int]:
    """Floating arrays that fit together, the past joined on, and the length of the past."""
    query, key, value = _floating(query), _floating(key), _floating(value)
    past_len = 0
    if past_key is not None and past_value is not None:
        past_len = past_key.shape[-2]
        key = _joined("key", past_key, key)
        value = _joined("value", past_value, value)
    elif past_key is not None or past_value is not None:
        missing = "past_value" if past_value is None else "past_key"
        raise ShapeError(f"past_key and past_value go together; {missing} is missing.")
    _check_shapes(query, key, value)
    return query, key, value, past_len


def _check_shapes(query: Array, key: Array, value: Array) -> None:
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if not 2 <= query.ndim <= 4 or not query.ndim == key.ndim == value.ndim:
        raise ShapeError(
            f"attention takes a query, key and value of the same number of axes, two to four; "
            f"they are {shapes}."
        )
    if query.shape[-1] != key.shape[-1]:
        raise ShapeError(f"Query and key must have the same last axis (head_dim); got {shapes}.")
    if key.shape[:-1] != value.shape[:-1]:
        raise ShapeError(
            f"Key and value must agree in all axes but the last (batch, heads, key_len); "
            f"got {shapes}."
        )
    if query.ndim > 2 and query.shape[-3] != key.shape[-3]:
        if key.shape[-3] == 0 or query.shape[-3] % key.shape[-3]:
            raise ShapeError(
                f"The query's heads (axis -3) must be a multiple of the key's; got {shapes}."
            )
    if query.shape[:-3] != key.shape[:-3]:
        raise ShapeError(f"Query and key must have the same batch size; got {shapes}.")


def _floating(x: Array) -> Array:
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _joined(name: str, past: Array, new: Array) -> Array:
    try:
        return np.concatenate((past, new), axis=-2)
    except ValueError as error:
        raise ShapeError(
            f"past_{name} {past.shape} and {name} {new.shape} must agree in all axes but the "
            "second to last, the length (with num_heads, past heads are apart: 4 axes)."
        ) from error


def _each_head(left: Array, right: Array) -> Array:
    """left @ right, where one head on the right may serve a group of heads on the left."""
    if left.ndim < 3 or left.shape[-3] == right.shape[-3]:
        return left @ right
    *lead, heads, rows, width = left.shape
    kv_heads = right.shape[-3]
    # The group's rows lie below one another, so no head on the right need be repeated.
    groups = left.reshape(*lead, kv_heads, heads // kv_heads * rows, width) @ right
    return groups.reshape(*lead, heads, rows, right.shape[-1])


def _input(
    trace: Trace | Off, name: str, value: Array, formula: str, axes: tuple[str, ...]
) -> Array:
    """Record what attention was given, unless the caller has done so."""
    if trace.visited(name):
        return value
    return trace.step(name, value, formula, axes=axes[-value.ndim :])


def _scaled_scores(
    query: Array, key: Array, scale: float | None, softcap: float, trace: Trace | Off
) -> Array:
    axes = SCORE_AXES[-query.ndim :]
    scores = _each_head(query, key.swapaxes(-1, -2))
    scores = trace.step("scores", scores, "Q K^T", of=("query", "key"), axes=axes)
    # A trace keeps copies, so from here on the one array can be worked on in place.
    if scale is None:
        scores *= 1 / math.sqrt(query.shape[-1])
        scores = trace.step("scaled", scores, "scores / sqrt(head_dim)", of=("scores",), axes=axes)
    else:
        scores *= float(scale)
        scores = trace.step("scaled", scores, "scores * scale", of=("scores",), axes=axes)
    if softcap > 0:
        scores /= float(softcap)
        np.tanh(scores, out=scores)
        scores *= float(softcap)
        formula = "softcap * tanh(scaled / softcap)"
        scores = trace.step("capped", scores, formula, of=("scaled",), axes=axes)
    return scores


def _masked(
    scores: Array, mask: Array | None, allowed: Array | None, trace: Trace | Off, of: str
) -> Array:
    """Add a floating mask, and put -inf where a query may not attend. Works in place."""
    try:
        if mask is not None and mask.dtype != bool:
            with np.errstate(invalid="ignore"):  # inf + -inf, which is put right below
                scores += mask
            np.copyto(scores, -np.inf, where=np.isneginf(mask))
        elif mask is not None:
            np.copyto(scores, -np.inf, where=~mask)
    except ValueError as error:
        raise ShapeError(
            f"A mask of shape {mask.shape if mask is not None else ()} does not broadcast to the "
            f"scores {scores.shape}. Its axes are, from the last: key_len, query_len, heads, batch."
        ) from error
    if allowed is not None:
        np.copyto(scores, -np.inf, where=~allowed)
    formula = "-inf where a query may not attend"
    return trace.step("masked", scores, formula, of=(of,), axes=SCORE_AXES[-scores.ndim :])


def _fitting(mask: Array | None, key_len: int, key_lengths: Array | None) -> Array | None:
    """The caller's mask as a boolean or floating array that covers all keys."""
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.dtype != bool and mask.dtype.kind != "f":
        raise ShapeError(
            f"A mask must be boolean (True where a query may attend) or floating (added to the "
            f"scores); this one of shape {mask.shape} holds {mask.dtype}. Convert it: "
            "mask.astype(bool)."
        )
    if mask.ndim and key_lengths is not None and 1 < mask.shape[-1] < key_len:
        return extend_mask(mask, key_len)
    return mask


def _allowed(
    scores: Array, causal: bool, window: Window | None, past_len: int, key_lengths: Array | None
) -> Array | None:
    """Causality, window and padding as one boolean mask, or None where nothing is forbidden."""
    query_len, key_len = scores.shape[-2:]
    offset: int | Array = past_len
    padding = None
    if key_lengths is not None:
        lengths = _checked_lengths(key_lengths, scores, past_len)
        offset = lengths - query_len
        padding = padding_mask(lengths, key_len)[..., None, :]
    # Where the first query stands at the last key (decoding), no key is in anyone's future.
    elif causal and past_len >= key_len - 1:
        causal = False
    return combine(
        causal_mask(query_len, key_len, offset) if causal else None,
        None if window is None else sliding_window_mask(query_len, key_len, window, offset),
        padding,
    )


def _checked_lengths(key_lengths: Array, scores: Array, past_len: int) -> Array:
    """The lengths with an axis for heads: Int["batch 1"], or Int[""] without a batch."""
    lengths = np.asarray(key_lengths)
    if past_len:
        raise ShapeError(
            "key_lengths and past_key exclude each other: padding between past and new keys has "
            "no position. Put the past into key and value yourself."
        )
    if lengths.shape != scores.shape[:-3]:
        raise ShapeError(
            f"key_lengths holds one number for each row of the batch, the shape "
            f"{scores.shape[:-3]}; it has the shape {lengths.shape}."
        )
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= scores.shape[-1]:
        raise ShapeError(
            f"key_lengths must lie between 0 and key_len ({scores.shape[-1]}); they are {lengths}."
        )
    return lengths[..., None] if lengths.ndim else lengths


def _weights(masked: Array, softmax_dtype: Any, trace: Trace | Off) -> Array:
    if softmax_dtype is None:
        weights = softmax_in_place(masked)
    else:
        weights = softmax_in_place(masked.astype(softmax_dtype)).astype(masked.dtype)
    axes = SCORE_AXES[-weights.ndim :]
    return trace.step("weights", weights, "softmax of masked over keys", of=("masked",), axes=axes)


def _output(weights: Array, value: Array, trace: Trace | Off) -> Array:
    axes = OUTPUT_AXES[-weights.ndim :]
    if trace.asks("contributions"):
        contributions = _contributions(weights, value)
        traced = trace.step(
            "contributions",
            contributions,
            "weights * V, before the sum over keys",
            of=("weights", "value"),
            axes=(*SCORE_AXES, "value_dim")[-contributions.ndim :],
        )
        if traced is not contributions:
            output = traced.sum(axis=-2)
            formula = "contributions, summed over keys"
            return trace.step("output", output, formula, of=("contributions",), axes=axes)
    output = _each_head(weights, value)
    return trace.step("output", output, "weights V", of=("weights", "value"), axes=axes)


def _contributions(weights: Array, value: Array) -> Array:
    """What each key gives to each query: Float["batch heads query_len key_len value_dim"]."""
    if value.ndim > 2 and value.shape[-3] != weights.shape[-3]:
        value = value.repeat(weights.shape[-3] // value.shape[-3], axis=-3)
    return weights[..., None] * value[..., None, :, :]
