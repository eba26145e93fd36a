"""Products by weights where they lie: the same numbers, and no copy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.engine.in_place import IN_PLACE, in_place
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_ids, random_weights, small_config, wide_configs


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 8, 9, 40])
@pytest.mark.parametrize("order", ["rows", "columns", "part of columns", "every other"])
def test_every_layout_gives_the_product(rows, order):
    rng = np.random.default_rng(0)
    weight = {
        "rows": rng.standard_normal((900, 40)),
        "columns": rng.standard_normal((40, 900)).T,
        "part of columns": rng.standard_normal((40, 1900)).T[300:1200],
        "every other": rng.standard_normal((1800, 80))[::2, ::2],
    }[order]
    x = rng.standard_normal((rows, 40))
    np.testing.assert_allclose(in_place(weight)(x), x @ weight.T, atol=1e-11)
    deeper = np.stack([x, -x])
    np.testing.assert_allclose(in_place(weight)(deeper), deeper @ weight.T, atol=1e-11)


def test_parts_of_a_large_weight_are_all_multiplied():
    rng = np.random.default_rng(0)
    weight, x = rng.random((2500, 500), np.float32), rng.random((3, 500), np.float32)
    assert weight.nbytes > 2 * 2**20
    np.testing.assert_allclose(in_place(weight)(x), x @ weight.T, rtol=1e-5)


@settings(max_examples=15)
@given(config=wide_configs(decoder=True), seed=st.integers(0, 9))
def test_decoding_step_by_step_is_the_whole_pass(config: TransformerConfig, seed: int):
    rng, weights = np.random.default_rng(seed), random_weights(config, seed)
    # As GPT-2 stores them: [in, out], queries, keys and values side by side.
    columns = {
        name: np.ascontiguousarray(array.T).T if array.ndim == 2 else array
        for name, array in weights.items()
    }
    engine = ReferenceEngine.build(config, columns, dtype=np.float64, products=IN_PLACE)
    source, target = random_ids(rng, config, 1, 5), random_ids(rng, config, 1, 6)
    decoding = engine.begin(source.tolist() if config.encoder_layers else [[]])
    steps = [decoding.advance(target[:, i], np.array([0])) for i in range(6)]
    whole = Transformer(config, weights)
    expected = whole.log_probabilities(source if config.encoder_layers else None, target)
    np.testing.assert_allclose(np.stack(steps, axis=1), expected, atol=1e-10)


def test_a_model_holds_no_copy_of_its_weights():
    config = small_config(d_model=256, vocab_size=3000, feed_forward_dim=1024, encoder_layers=0)
    weights = {name: array.astype(np.float32) for name, array in random_weights(config).items()}
    size = sum(array.nbytes for array in weights.values())
    tracemalloc.start()
    try:
        engine = ReferenceEngine.build(config, weights, products=IN_PLACE)
        decoding = engine.begin([[5, 6, 7, 8]])
        decoding.advance(np.array([9]), np.array([0]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 8e6
    assert peak < 0.1 * size
    assert all(engine.model.weights[name] is array for name, array in weights.items())


@pytest.mark.parametrize("order", ["rows", "columns"])
def test_a_large_weight_is_multiplied_part_by_part(order):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((1500, 1100), np.float32)
    weight = weight if order == "rows" else weight.T
    x = rng.standard_normal((2, weight.shape[1]), np.float32)
    np.testing.assert_allclose(in_place(weight)(x), x @ weight.T, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not hasattr(np, "vecdot"), reason="NumPy 1 has no vecdot, and does without")
def test_numpy_1_gives_the_product_too(monkeypatch):
    monkeypatch.delattr(np, "vecdot")
    rng = np.random.default_rng(0)
    weight, x = rng.random((90, 40)), rng.random((3, 40))
    np.testing.assert_allclose(in_place(weight)(x), x @ weight.T, atol=1e-11)
