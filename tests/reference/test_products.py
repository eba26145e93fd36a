from __future__ import annotations

import numpy as np

from clearhead.reference.products import PLAIN, Products, multiply_by
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config


def test_plain_products_are_numpys():
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 3, 5)), rng.standard_normal((4, 5))
    np.testing.assert_array_equal(PLAIN.by_weight(weight)(x), x @ weight.T)
    np.testing.assert_array_equal(PLAIN.multiply(x, weight.T), x @ weight.T)


def test_every_product_of_a_model_is_one_that_it_was_handed():
    shapes, pairs = [], []

    def by_weight(weight):
        product = multiply_by(weight)

        def count(x):
            shapes.append(weight.shape)
            return product(x)

        return count

    def multiply(a, b):
        pairs.append((a.shape, b.shape))
        return a @ b

    config = small_config(encoder_layers=1, decoder_layers=0)
    weights = random_weights(config)
    model = Transformer(config, weights, products=Products(by_weight, multiply))
    source = np.array([[5, 6, 2]])
    logits = model.forward(source)
    # Queries, keys and values at once; then the output, feed-forward, and the logits.
    assert shapes == [(48, 16), (16, 16), (24, 16), (16, 24), (29, 16)]
    assert pairs == [((1, 4, 3, 4), (1, 4, 4, 3)), ((1, 4, 3, 3), (1, 4, 3, 4))]
    np.testing.assert_array_equal(
        logits, Transformer(config, weights).forward(np.array([[5, 6, 2]]))
    )
