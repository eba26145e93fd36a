from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from clearhead.config import ACTIVATIONS, GATED_ACTIVATIONS
from clearhead.errors import ConfigError
from clearhead.reference.layers.feed_forward import activation, erf, feed_forward, gelu
from clearhead.reference.tracing.trace import Trace

THEIRS = {
    "relu": F.relu,
    "reglu": F.relu,
    "gelu": F.gelu,
    "geglu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "geglu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "swiglu": F.silu,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 2e-6)])
def test_activations_agree_with_torch(name, dtype, tolerance):
    x = np.concatenate((np.linspace(-12, 12, 2001), [-1e4, 1e4])).astype(dtype)
    ours = activation(name)(x)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, THEIRS[name](torch.from_numpy(x)), tolerance, tolerance)


def test_gelu_by_hand():
    # 1 times the share of a normal distribution below 1, 0.8413447...
    np.testing.assert_allclose(gelu(np.array([0.0, 1.0])), [0, 0.8413447460685429], rtol=1e-15)


def test_the_fast_error_function_keeps_its_promise():
    x = np.linspace(-6, 6, 100_001)
    assert np.abs(erf(x.astype(np.float32)) - erf(x)).max() < 6e-7


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_layer_agrees_with_torch(name):
    rng = np.random.default_rng(0)
    gated = name in GATED_ACTIVATIONS
    up, gate = ((rng.standard_normal((6, 4)), rng.standard_normal(6)) for _ in range(2))
    down = rng.standard_normal((4, 6)), rng.standard_normal(4)
    x = rng.standard_normal((2, 3, 4))
    t = torch.from_numpy
    hidden = F.linear(t(x), *map(t, up))
    act = THEIRS[name]
    hidden = act(F.linear(t(x), *map(t, gate))) * hidden if gated else act(hidden)
    ours = feed_forward(x, up, down, gate=gate if gated else None, activation=name)
    np.testing.assert_allclose(ours, F.linear(hidden, *map(t, down)), atol=1e-12)


def test_a_hidden_unit_can_be_switched_off():
    rng = np.random.default_rng(0)
    up, down, x = rng.standard_normal((6, 4)), rng.standard_normal((4, 6)), rng.standard_normal(4)

    def off(hidden):
        hidden[..., 2] = 0
        return hidden

    trace = Trace(replace={"hidden": off})
    ours = feed_forward(x, (up, None), (down, None), trace=trace)
    others = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(ours, down[:, others] @ np.maximum(up @ x, 0)[others], atol=1e-14)
    assert trace.paths == ["up", "hidden", "output"]


def test_settings_are_checked():
    layer = (np.ones((2, 2)), None)
    with pytest.raises(ConfigError, match="'swiglu' needs gate"):
        feed_forward(np.ones(2), layer, layer, activation="swiglu")
    with pytest.raises(ConfigError, match="'relu' takes no gate"):
        feed_forward(np.ones(2), layer, layer, gate=layer)
    with pytest.raises(ConfigError, match=r"one of relu, gelu.*it is 'mish'"):
        activation("mish")
