"""What becomes of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, TraceError
from clearhead.interventions.edits import Place
from clearhead.interventions.steps import changes
from clearhead.reference.tracing.trace import Trace

X = np.random.default_rng(0).standard_normal((2, 1, 3, 4)).astype(np.float32)
PATH = "layer.attention.value"
PLACE = Place(PATH, "value", (1,), np.arange(3), 2, 4)


def trace_of(array, path=PATH):
    trace = Trace()
    trace.step(path, array)
    return trace


def test_changes_keep_the_dtype():
    for change, expected in (
        (changes.zero(), 0 * X),
        (changes.scale(-2.0), -2 * X),
        (changes.scale(np.arange(4.0)), X * np.arange(4, dtype=np.float32)),
        (changes.substitute(np.arange(4.0)), np.broadcast_to(np.arange(4.0), X.shape)),
        (changes.apply(np.exp), np.exp(X)),
    ):
        result = change(X, PLACE)
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == np.float32


def test_a_function_gets_a_copy():
    before = X.copy()
    changes.apply(lambda x: np.add(x, 1, out=x))(X, PLACE)
    np.testing.assert_array_equal(X, before)


def test_numbers_of_a_trace_are_those_that_each_head_reads():
    source = np.random.default_rng(1).standard_normal((1, 2, 5, 4))  # two heads share each
    part = source[:, [0]]
    patched = changes.patch_of(trace_of(source))(X, PLACE)
    np.testing.assert_allclose(patched, np.repeat(part[:, :, :3], 2, 0), rtol=1e-6)
    mean = changes.mean_of(trace_of(source))(X, PLACE)
    np.testing.assert_allclose(mean[0, 0, 2], part.mean(axis=(0, 1, 2)), rtol=1e-6)


def test_what_does_not_fit():
    with pytest.raises(
        ConfigError, match=r"shape \[5\] cannot take the place of the value of 'lay"
    ):
        changes.substitute(np.zeros(5))(X, PLACE)
    with pytest.raises(ConfigError, match=r"needed at position 2, and the trace has 2 positions"):
        changes.patch_of(trace_of(np.zeros((1, 2, 2, 4))))(X, PLACE)
    for verb in (changes.patch_of, changes.mean_of):
        with pytest.raises(ConfigError, match=r"shape \[2, 1, 3, 4\] here, and \[1, 1, ., 3\]"):
            verb(trace_of(np.zeros((1, 4, 5, 3))))(X, PLACE)
        with pytest.raises(TraceError, match=r"no step 'layer.attention.value'. Record it: keep="):
            verb(trace_of(np.zeros((1, 2, 5, 4)), "other"))(X, PLACE)
