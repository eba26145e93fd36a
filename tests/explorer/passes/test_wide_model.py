"""A model in float64 whose weights stay as they are stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.explorer.passes.wide_model import WideTransformer, by_wide_weight
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_ids, random_weights, small_config, wide_configs


def single(config, seed=0):
    return {name: array.astype(np.float32) for name, array in random_weights(config, seed).items()}


@settings(max_examples=25)
@given(config=wide_configs(), seed=st.integers(0, 1000))
def test_every_number_is_that_of_a_model_that_was_cast(config, seed):
    weights, rng = single(config, seed), np.random.default_rng(seed)
    source, target = (
        random_ids(rng, config, 1, 5) if layers else None
        for layers in (config.encoder_layers, config.decoder_layers)
    )
    one, other = Trace(), Trace()
    Transformer(config, weights).forward(source, target, trace=one)
    WideTransformer(config, weights).forward(source, target, trace=other)
    assert one.paths == other.paths
    for step in one:
        numbers = other[step.path].value
        assert numbers.dtype == step.value.dtype, step.path
        np.testing.assert_allclose(numbers, step.value, rtol=1e-10, atol=1e-12, err_msg=step.path)


def test_no_weight_is_copied():
    weights = single(small_config())
    model = WideTransformer(small_config(), weights)
    assert all(model.weights[name] is weights[name] for name in weights)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_weight_is_cast_part_by_part(order):
    rng = np.random.default_rng(0)
    weight = np.asarray(rng.standard_normal((700, 500)), np.float32, order=order)
    x = rng.standard_normal((2, 3, 500))
    product = by_wide_weight(weight)(x)
    assert product.dtype == np.float64
    np.testing.assert_allclose(product, x @ weight.astype(np.float64).T, rtol=1e-11, atol=1e-11)


def test_weights_that_are_missing_are_named():
    weights = single(small_config())
    del weights["decoder.layers.0.feed_forward.up.weight"]
    with pytest.raises(ConfigError, match=r"missing: decoder\.layers\.0\.feed_forward\.up\.weight"):
        WideTransformer(small_config(), weights)
