"""The gradients of attention, by a worked example, the whole Jacobian and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ShapeError, TraceError
from clearhead.reference import (
    Trace,
    attention,
    attention_gradients,
    finite_differences,
    softmax,
    softmax_gradient,
)


def test_softmax_is_its_jacobian_times_the_gradient() -> None:
    x, d = np.random.default_rng(0).normal(size=(2, 5))
    weights = softmax(x)
    jacobian = np.diag(weights) - np.outer(weights, weights)
    np.testing.assert_allclose(softmax_gradient(d, weights), jacobian @ d, rtol=0, atol=1e-15)
    columns = [finite_differences(lambda x, i=i: float(softmax(x)[i]), x) for i in range(5)]
    np.testing.assert_allclose(jacobian, columns, rtol=0, atol=1e-9)


def test_two_keys_by_hand() -> None:
    """Equal scores: each key has half of the weight, and each value gets half of dO."""
    query, key = np.array([[0.0, 0.0, 0.0, 0.0]]), np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0]])
    value, d_output = np.array([[1.0], [5.0]]), np.array([[1.0]])
    gradients = attention_gradients(d_output, query, key, value)
    assert gradients.value.tolist() == [[0.5], [0.5]]
    # dP = (1, 5), its mean 3: dS = 0.5 (-2, 2); dQ = dS K / 2.
    assert gradients.masked.tolist() == [[-1.0, 1.0]]
    assert gradients.query.tolist() == [[-1.0, 1.0, 0.0, 0.0]]
    assert gradients.key.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0]]


@settings(max_examples=25)
@given(
    kv_heads=st.integers(1, 2),
    group=st.integers(1, 2),
    lengths=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    softcap=st.sampled_from([None, 1.5]),
    scale=st.sampled_from([None, 0.7]),
    masks=st.sampled_from(["", "causal", "boolean", "bias", "window"]),
    seed=st.integers(0, 99),
)
def test_any_shape_by_finite_differences(
    kv_heads: int,
    group: int,
    lengths: tuple[int, int],
    softcap: float | None,
    scale: float | None,
    masks: str,
    seed: int,
) -> None:
    rng, (query_len, key_len) = np.random.default_rng(seed), lengths
    query = rng.normal(size=(1, kv_heads * group, query_len, 3))
    key = rng.normal(size=(1, kv_heads, key_len, 3))
    value = rng.normal(size=(1, kv_heads, key_len, 2))
    d_output = rng.normal(size=(1, kv_heads * group, query_len, 2))
    options = {"softcap": softcap, "scale": scale, "causal": masks == "causal"}
    if masks == "boolean":
        options["mask"] = rng.random((query_len, key_len)) < 0.6  # rows of nothing among them
    if masks == "bias":
        options["mask"] = rng.normal(size=(kv_heads * group, query_len, key_len))
    if masks == "window":
        options["window"] = 1

    def loss(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> float:
        return float((attention(query, key, value, **options)[0] * d_output).sum())

    ours = attention_gradients(d_output, query, key, value, **options)
    close = {"rtol": 0, "atol": 1e-7}
    by_query = finite_differences(lambda x: loss(x, key, value), query)
    np.testing.assert_allclose(ours.query, by_query, **close)
    by_key = finite_differences(lambda x: loss(query, x, value), key)
    np.testing.assert_allclose(ours.key, by_key, **close)
    by_value = finite_differences(lambda x: loss(query, key, x), value)
    np.testing.assert_allclose(ours.value, by_value, **close)
    if masks == "bias":
        mask = options.pop("mask")
        by_bias = finite_differences(
            lambda x: float((attention(query, key, value, mask=x, **options)[0] * d_output).sum()),
            mask,
        )
        np.testing.assert_allclose(ours.masked[0], by_bias, **close)


def test_every_step_is_recorded_with_what_it_is_computed_from() -> None:
    x, trace = np.eye(3), Trace()
    attention_gradients(x, x, x, x, trace=trace, softcap=5.0)
    names = [step.path for step in trace if step.path.startswith("d_")]
    assert names == [
        "d_output", "d_value", "d_weights", "d_masked", "d_capped", "d_scaled", "d_scores",
        "d_query", "d_key",
    ]  # fmt: skip
    assert trace["d_value"].formula == "weights^T d_output"
    assert trace["d_value"].of == ("weights", "d_output")
    assert trace["d_masked"].axes == ("query_len", "key_len")


def test_a_gradient_may_be_replaced_and_a_value_may_not() -> None:
    x = np.eye(3)
    trace = Trace(replace={"d_masked": np.zeros_like})
    gradients = attention_gradients(x, x, x, x, trace=trace)
    assert not gradients.query.any()
    assert gradients.value.any()
    with pytest.raises(TraceError, match="step 'weights' was replaced in a forward pass"):
        attention_gradients(x, x, x, x, trace=Trace(replace={"weights": lambda w: w * 2}))


def test_a_gradient_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"d_output has the shape \(2, 3\), and .* \(3, 3\)"):
        attention_gradients(np.ones((2, 3)), np.eye(3), np.eye(3), np.eye(3))
