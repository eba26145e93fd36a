"""What None means beside the arrays, and which numbers are refused, function by function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.reference import (
    MultiHeadAttention,
    alibi_slopes,
    attention,
    layer_norm,
    rms_norm,
    rotary_embedding,
    sliding_window_mask,
    split_heads,
)

X = np.random.default_rng(0).normal(size=(2, 3, 5, 4))
FLAT = np.random.default_rng(1).normal(size=(2, 5, 12))


@pytest.mark.parametrize(
    "name",
    [
        "mask",
        "scale",
        "softcap",
        "window",
        "past_key",
        "key_lengths",
        "softmax_dtype",
        "num_heads",
        "num_kv_heads",
    ],
)
def test_none_is_off(name: str) -> None:
    plain = attention(X, X, X)
    with_none = attention(X, X, X, **{name: None})
    assert all(np.array_equal(a, b) for a, b in zip(with_none, plain, strict=True))


@pytest.mark.parametrize("off", [None, 0, 0.0, np.float32(0)])
def test_a_softcap_of_none_or_nothing_leaves_scores_alone(off: Any) -> None:
    capped, _ = attention(X, X, X, softcap=1.0)
    plain, _ = attention(X, X, X)
    assert np.array_equal(attention(X, X, X, softcap=off)[0], plain)
    assert not np.array_equal(capped, plain)
    assert np.array_equal(attention(X, X, X, softcap=np.float32(1))[0], capped)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf, "2", "wide", [1.0, 2.0], {}])
def test_a_softcap_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"softcap must be a finite number, 0 or more, or None"):
        attention(X, X, X, softcap=wrong)


@pytest.mark.parametrize("wrong", [math.nan, -math.inf, "1", [1.0, 2.0], object()])
def test_a_scale_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"scale must be a finite number, or None; it is"):
        attention(X, X, X, scale=wrong)


@pytest.mark.parametrize("wrong", [np.int32, "float99", object, 3, np.complex64])
def test_a_type_that_does_not_float_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"softmax_dtype must be a floating dtype of NumPy"):
        attention(X, X, X, softmax_dtype=wrong)
    with pytest.raises(ConfigError, match=r"stash_dtype must be a floating dtype of NumPy"):
        layer_norm(X, stash_dtype=wrong)
    in_float64, _ = attention(X, X, X, softmax_dtype="float64")
    assert np.array_equal(in_float64, attention(X, X, X)[0])


@pytest.mark.parametrize("window", [(2, 0), [2, 0], (np.int64(2), 0)])
def test_a_window_is_a_pair(window: Any) -> None:
    expected = np.tril(np.ones((5, 5), dtype=bool)) & ~np.tril(np.ones((5, 5), dtype=bool), -3)
    assert np.array_equal(sliding_window_mask(5, 5, window), expected)
    assert sliding_window_mask(5, 5, None).all()
    assert sliding_window_mask(5, 5, (None, None)).all()
    assert np.array_equal(
        attention(X, X, X, window=window)[1], attention(X, X, X, mask=expected)[1]
    )


@pytest.mark.parametrize("wrong", [(1, 2, 3), (1,), (), "12", 1.5, (1.0, 2), True, {1: 2}])
def test_a_window_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ShapeError, match=r"window is a number of positions, or a pair"):
        attention(X, X, X, window=wrong)
    with pytest.raises(ShapeError, match="cannot be negative"):
        attention(X, X, X, window=(0, -1))


@pytest.mark.parametrize("wrong", [0, -3, 1.5, "3", True])
def test_a_number_of_heads_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="num_heads must be a whole number, 1 or more"):
        split_heads(FLAT, wrong)
    with pytest.raises(ConfigError, match="num_heads must be a whole number, 1 or more"):
        attention(FLAT, FLAT, FLAT, num_heads=wrong)
    with pytest.raises(ConfigError, match="num_kv_heads must be a whole number, 1 or more"):
        attention(FLAT, FLAT, FLAT, num_heads=3, num_kv_heads=wrong)
    with pytest.raises(ConfigError, match="num_heads must be a whole number, 1 or more"):
        alibi_slopes(wrong)
    weights = {f"a.{name}.weight": np.eye(12) for name in ("query", "key", "value", "output")}
    with pytest.raises(ConfigError, match="num_kv_heads must be a whole number, 1 or more"):
        MultiHeadAttention(weights, "a", num_heads=3, num_kv_heads=wrong)


def test_heads_of_keys_alone_would_go_unheard() -> None:
    with pytest.raises(ConfigError, match="num_kv_heads is 3, and num_heads is None"):
        attention(X, X, X, num_kv_heads=3)
    with pytest.raises(ShapeError, match=r"Heads are split from \[..., length, width\]"):
        split_heads(np.zeros(12), 3)


def test_lengths_and_past_are_arrays_of_their_kind() -> None:
    with pytest.raises(ShapeError, match="key_lengths holds whole numbers; it holds float64"):
        attention(X, X, X, key_lengths=np.array([2.0, 3.0]))
    with pytest.raises(ShapeError, match="past_key is"):
        attention(X, X, X, past_key=np.zeros(4), past_value=np.zeros(4))
    past = X[:, :, :2]
    listed, _ = attention(X, X, X, past_key=past.tolist(), past_value=past.tolist())
    assert np.array_equal(listed, attention(X, X, X, past_key=past, past_value=past)[0])


@pytest.mark.parametrize("norm", [layer_norm, rms_norm])
@pytest.mark.parametrize("wrong", [None, -1e-5, math.nan, "small"])
def test_an_epsilon_that_cannot_be_is_refused(norm: Any, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="epsilon must be a finite number"):
        norm(X, epsilon=wrong)


def test_rotary_embedding_takes_none_for_all_of_it() -> None:
    cosine, sine = np.cos(np.arange(10.0)).reshape(5, 2), np.sin(np.arange(10.0)).reshape(5, 2)
    places = np.tile(np.arange(5), (2, 1))
    rotation = rotary_embedding(X, cosine, sine, places, rotary_dim=None, num_heads=None)
    assert np.array_equal(rotation, rotary_embedding(X, cosine, sine, places, rotary_dim=4))
    with pytest.raises(ShapeError, match="num_heads must divide its last axis; it is None"):
        rotary_embedding(FLAT, cosine, sine, places, num_heads=None)
