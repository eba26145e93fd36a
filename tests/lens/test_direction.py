"""Followed back through a norm, a direction reads from the input what it read from the output."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lens.direction import NormStatistics
from clearhead.reference.layers.norms import layer_norm, rms_norm
from clearhead.reference.tracing.trace import Trace


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_products_before_and_after_are_equal(kind):
    rng = np.random.default_rng(0)
    x, direction = rng.standard_normal((2, 3, 8)), rng.standard_normal(8)
    weights = {"norm.weight": rng.standard_normal(8), "norm.bias": rng.standard_normal(8)}
    trace = Trace()
    trace.step("x", x)
    if kind == "layer":
        scale, shift = weights["norm.weight"], weights["norm.bias"]
        y = layer_norm(x, scale, shift, epsilon=0.1, trace=trace.at("norm"), of=("x",))
    else:
        y = rms_norm(x, weights["norm.weight"], epsilon=0.1, trace=trace.at("norm"), of=("x",))
    statistics = NormStatistics(trace, weights, 0.1, 1, 2)
    before, bias = statistics.before("norm", direction)
    assert x[1, 2] @ before + bias == pytest.approx(y[1, 2] @ direction, rel=1e-12)
    assert (bias != 0) == (kind == "layer")
