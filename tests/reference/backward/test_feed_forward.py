"""The derivatives of activations, and a feed-forward layer on the way back."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config import ACTIVATIONS
from clearhead.errors import ConfigError
from clearhead.reference import Trace, feed_forward, finite_differences
from clearhead.reference.backward.feed_forward import activation_derivative, through_feed_forward
from clearhead.reference.backward.scope import Scope, Tape
from clearhead.reference.layers.feed_forward import activation
from clearhead.reference.tracing.step_kind import StepKind


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_are_those_of_finite_differences(name: str) -> None:
    x = np.array([-9.0, -3.3, -1.1, -0.2, 0.3, 0.7, 2.5, 40.0])
    theirs = (activation(name)(x + 1e-6) - activation(name)(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(activation_derivative(name)(x), theirs, rtol=0, atol=1e-8)


def test_relu_at_zero_has_the_derivative_that_pytorch_chose() -> None:
    assert activation_derivative("relu")(np.zeros(1)).tolist() == [0.0]


def test_tanh_of_a_head_for_labels() -> None:
    x = np.linspace(-3, 3, 7)
    theirs = (activation("tanh")(x + 1e-6) - activation("tanh")(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(activation_derivative("tanh")(x), theirs, rtol=0, atol=1e-8)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"activation must be one of relu, .*; it is 'swish'"):
        activation_derivative("swish")


@pytest.mark.parametrize("name", ["gelu", "swiglu"])
def test_a_whole_layer(name: str) -> None:
    rng = np.random.default_rng(0)
    x, d = rng.normal(size=(2, 1, 3, 4))
    shapes = {"up": (5, 4), "gate": (5, 4), "down": (4, 5)}
    weights = {
        f"layer.{part}.{leaf}": rng.normal(size=shape if leaf == "weight" else shape[:1])
        for part, shape in shapes.items()
        if part != "gate" or name == "swiglu"
        for leaf in ("weight", "bias")
    }

    def output(weights: dict[str, np.ndarray], x: np.ndarray, trace=None) -> np.ndarray:
        up, gate, down = (
            (weights[f"layer.{part}.weight"], weights[f"layer.{part}.bias"])
            if f"layer.{part}.weight" in weights
            else None
            for part in ("up", "gate", "down")
        )
        options = {} if trace is None else {"trace": trace}
        return feed_forward(x, up, down, gate=gate, activation=name, **options)

    tape, trace = Tape(), Trace()
    output(weights, x, tape.at("layer"))
    trace.step("x", x)
    for step, value in tape._values.items():
        trace.step(step, value)
    scope = Scope(tape, weights, trace).at("layer")
    scope.record(StepKind("d_output", ""), d)
    d_x = through_feed_forward(scope, d, x, name=name, of="x")
    close = {"rtol": 0, "atol": 1e-7}
    theirs = finite_differences(lambda x: float((output(weights, x) * d).sum()), x)
    np.testing.assert_allclose(d_x, theirs, **close)
    assert scope.gradients.keys() == weights.keys()
    for key, weight in weights.items():
        theirs = finite_differences(
            lambda w, key=key: float((output({**weights, key: w}, x) * d).sum()), weight
        )
        np.testing.assert_allclose(scope.gradients[key], theirs, err_msg=key, **close)
