from __future__ import annotations

import numpy as np
import pytest

from clearhead.engine.in_place import IN_PLACE
from clearhead.engine.products import INDEPENDENT_ROWS
from clearhead.engine.step.linear import LinearStep, NormStep
from clearhead.reference.layers.linear import Linear
from clearhead.reference.layers.norms import Norm
from tests.engine.matrices import draws
from tests.reference.models import small_config


@pytest.mark.parametrize("products", [INDEPENDENT_ROWS, IN_PLACE])
@pytest.mark.parametrize("out", [64, 90])
@pytest.mark.parametrize("rows", [1, 2, 33, 70])
def test_rows_are_multiplied_as_the_layer_does(products, out, rows):
    for bias in (None, draws(out, seed=2)):
        linear = Linear(draws(out, 48), bias, products=products)
        x = draws(rows, 48, seed=1)
        ours = LinearStep(linear)(x)
        np.testing.assert_array_equal(ours, linear(x[:, None])[:, 0])
        np.testing.assert_allclose(
            ours, x @ draws(out, 48).T + (0 if bias is None else bias), atol=1e-4
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_norms_have_the_bits_of_the_layer(dtype, kind, rows):
    config = small_config(norm=kind)
    bias = draws(256, dtype=dtype, seed=3) if kind == "layer" else None
    norm = Norm(config, draws(256, dtype=dtype, seed=2), bias)
    x = draws(rows, 256, dtype=dtype, seed=1)
    before = x.copy()
    ours = NormStep(norm)(x)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours, norm(x[:, None])[:, 0])
    np.testing.assert_array_equal(x, before)
