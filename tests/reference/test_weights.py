from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.reference.weights import check_weights, expected_shapes
from tests.reference.models import random_weights, small_config


def test_names_and_shapes_are_the_contracts():
    shapes = expected_shapes(small_config(num_kv_heads=2, activation="swiglu", norm="rms"))
    assert shapes["embedding.weight"] == (29, 16)
    assert shapes["decoder.layers.1.cross_attention.key.weight"] == (8, 16)
    assert shapes["encoder.layers.0.feed_forward.gate.bias"] == (24,)
    assert shapes["encoder.norm.weight"] == (16,)
    assert "encoder.norm.bias" not in shapes
    assert "output.weight" not in shapes
    assert not any("cross" in name for name in expected_shapes(small_config(encoder_layers=0)))


def test_one_error_lists_what_is_missing_and_what_is_too_much():
    config = small_config()
    weights = random_weights(config)
    weights["output.bias"] = weights.pop("encoder.norm.bias")
    with pytest.raises(
        ConfigError, match=r"missing: encoder\.norm\.bias; unexpected: output\.bias"
    ):
        check_weights(weights, config, dtype=np.float64)
    with pytest.raises(ConfigError, match=r"and \d+ more"):
        check_weights({}, config, dtype=np.float64)


def test_one_error_lists_wrong_shapes():
    config = small_config()
    weights = random_weights(config)
    weights["embedding.weight"] = np.ones((28, 16))
    weights["decoder.norm.bias"] = np.ones(15)
    with pytest.raises(
        ShapeError,
        match=r"embedding\.weight is \(28, 16\) and should be \(29, 16\); decoder\.norm\.bias",
    ):
        check_weights(weights, config, dtype=np.float64)


def test_half_precision_is_read_as_the_dtype_asked_for():
    config = small_config()
    half = {name: array.astype(np.float16) for name, array in random_weights(config).items()}
    cast = check_weights(half, config, dtype=np.float32)
    assert {array.dtype for array in cast.values()} == {np.dtype(np.float32)}
