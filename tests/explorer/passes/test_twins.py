"""One model twice: fast in float32, exact in float64."""

from __future__ import annotations

import numpy as np

from clearhead.explorer.passes.twins import exact_model, twins
from tests.reference.models import random_weights, small_config


def test_both_compute_the_same_without_a_copy_of_a_weight():
    config = small_config(encoder_layers=0)
    weights = {name: w.astype(np.float32) for name, w in random_weights(config).items()}
    fast, exact = twins(config, weights)
    ids = np.array([[5, 6, 7]])
    one, other = fast.model.forward(None, ids), exact.forward(None, ids)
    assert (one.dtype, other.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(one, other, atol=1e-4)
    for name, weight in weights.items():
        assert np.shares_memory(fast.model.weights[name], weight)
        assert np.shares_memory(exact.weights[name], weight)


def test_a_small_model_is_cast_as_a_whole():
    config = small_config()
    exact = exact_model(config, random_weights(config))
    assert {weight.dtype for weight in exact.weights.values()} == {np.dtype(np.float64)}
