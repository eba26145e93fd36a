"""The checks before the mathematics of attention: arrays that fit together, and one mask."""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..shapes import Array, Bool, Float
from .masks import Window, causal_mask, combine, extend_mask, padding_mask, sliding_window_mask


def prepare_inputs(
    query: Array, key: Array, value: Array, past_key: Array | None, past_value: Array | None
) -> tuple[
    Float[Array, "*heads query_len head_dim"],
    Float[Array, "*kv_heads key_len head_dim"],
    Float[Array, "*kv_heads key_len value_dim"],
    int,
]:
    """Return floating arrays that fit together, with the past prepended, and its length."""
    query, key, value = _floating(query), _floating(key), _floating(value)
    past_len = 0
    if past_key is not None and past_value is not None:
        past_key, past_value = np.asarray(past_key), np.asarray(past_value)
        if past_key.ndim < 2:
            raise ShapeError(f"past_key is [..., past_len, head_dim]; it is {past_key.shape}.")
        past_len = past_key.shape[-2]
        key = _join("key", past_key, key)
        value = _join("value", past_value, value)
    elif past_key is not None or past_value is not None:
        missing = "past_value" if past_value is None else "past_key"
        raise ShapeError(f"past_key and past_value go together; {missing} is missing.")
    _check_shapes(query, key, value)
    return query, key, value, past_len


def _check_shapes(query: Array, key: Array, value: Array) -> None:
    if not 2 <= query.ndim <= 4 or not query.ndim == key.ndim == value.ndim:
        problem = "Query, key and value must have the same number of axes, two to four"
    elif query.shape[-1] != key.shape[-1]:
        problem = "Query and key must have the same last axis (head_dim)"
    elif key.shape[:-1] != value.shape[:-1]:
        problem = "Key and value must agree in all axes but the last (batch, heads, key_len)"
    elif query.shape[:-3] != key.shape[:-3]:
        problem = "Query and key must have the same batch size"
    elif not _heads_fit(query.shape[-3:-2], key.shape[-3:-2]):
        problem = "The number of heads of the query must be a multiple of that of the key (axis -3)"
    else:
        return
    raise ShapeError(f"{problem}; got query {query.shape}, key {key.shape}, value {value.shape}.")


def _heads_fit(heads: tuple[int, ...], kv_heads: tuple[int, ...]) -> bool:
    return heads == kv_heads or (kv_heads[0] > 0 and heads[0] % kv_heads[0] == 0)


def _floating(x: Array) -> Float[Array, "..."]:
    """Return a floating array; half precision becomes float32, and whole numbers float64."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return x.astype(np.float64)
    return x.astype(np.float32) if x.dtype.char == "e" else x


def _join(name: str, past: Array, new: Array) -> Array:
    try:
        return np.concatenate((past, new), axis=-2)
    except ValueError as error:
        raise ShapeError(
            f"past_{name} {past.shape} and {name} {new.shape} must agree in all axes but the "
            "second to last, the length (with num_heads, past heads are apart: 4 axes)."
        ) from error


def fitting_mask(mask: Array | None, key_len: int, key_lengths: Array | None) -> Array | None:
    """Return the caller's mask as a boolean or floating array that covers all keys."""
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


def visible_keys(
    scores: Float[Array, "*heads query_len key_len"],
    causal: bool,
    window: Window | None,
    past_len: int,
    key_lengths: Array | None,
) -> Bool[Array, "... #query_len key_len"] | None:
    """Combine causality, window and padding to one boolean mask; None where all is visible."""
    query_len, key_len = scores.shape[-2:]
    offset: int | Array = past_len
    padding = None
    if key_lengths is not None:
        lengths = _check_lengths(key_lengths, scores, past_len)
        offset = lengths - query_len
        padding = padding_mask(lengths, key_len)[..., None, :]
    # If the first query is at the last key (decoding), no key is in the future.
    elif causal and past_len >= key_len - 1:
        causal = False
    return combine(
        causal_mask(query_len, key_len, offset) if causal else None,
        None if window is None else sliding_window_mask(query_len, key_len, window, offset),
        padding,
    )


def _check_lengths(key_lengths: Array, scores: Array, past_len: int) -> Array:
    """Check the lengths, and add an axis for heads: Int["batch 1"], Int[""] without a batch."""
    lengths = np.asarray(key_lengths)
    if lengths.size and lengths.dtype.kind not in "iu":
        raise ShapeError(f"key_lengths holds whole numbers; it holds {lengths.dtype}.")
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
