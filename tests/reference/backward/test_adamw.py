"""A step of AdamW, by hand; the agreement with PyTorch's is in tests/agreement."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.reference import AdamWState, adamw_step

WEIGHTS = {"w": np.array([1.0, -2.0, 0.5])}
GRADIENTS = {"w": np.array([1e-3, -400.0, 0.0])}


def test_the_first_step_is_the_rate_in_the_direction_against_the_gradient() -> None:
    weights, state = adamw_step(WEIGHTS, GRADIENTS, learning_rate=0.1, weight_decay=0.0)
    np.testing.assert_allclose(weights["w"], [0.9, -1.9, 0.5], rtol=0, atol=1e-5)
    assert state.step == 1
    np.testing.assert_allclose(state.mean["w"], 0.1 * GRADIENTS["w"])
    np.testing.assert_allclose(state.square["w"], 0.001 * GRADIENTS["w"] ** 2)
    assert WEIGHTS["w"].tolist() == [1.0, -2.0, 0.5]


def test_weights_decay_apart_from_their_gradients() -> None:
    still = {"w": np.zeros(3)}
    weights, _ = adamw_step(WEIGHTS, still, learning_rate=0.5, weight_decay=0.1)
    np.testing.assert_allclose(weights["w"], 0.95 * WEIGHTS["w"], rtol=0, atol=1e-15)


def test_two_steps_by_hand() -> None:
    options = {"learning_rate": 1.0, "betas": (0.5, 0.75), "epsilon": 0.0, "weight_decay": 0.0}
    weights, state = adamw_step({"w": np.zeros(1)}, {"w": np.array([2.0])}, **options)
    weights, state = adamw_step(weights, {"w": np.array([4.0])}, state, **options)
    # m = (1/2 of 1) + 2 = 2.5, of 3/4; v = 3/4 of 1 + 4 = 4.75, of 7/16.
    assert weights["w"][0] == pytest.approx(-1 - (2.5 / 0.75) / np.sqrt(4.75 / 0.4375), abs=1e-15)
    assert state == AdamWState(2, {"w": np.array([2.5])}, {"w": np.array([4.75])})


@pytest.mark.parametrize(
    ("gradients", "options", "error", "words"),
    [
        ({}, {}, ConfigError, "there is none of w"),
        ({**GRADIENTS, "u": np.ones(1)}, {}, ConfigError, "u is no weight"),
        ({"w": np.ones(2)}, {}, ShapeError, r"of w has the shape \(2,\), and the weight \(3,\)"),
        (GRADIENTS, {"betas": (0.9, 1.0)}, ConfigError, "betas must be from 0 up to"),
        (GRADIENTS, {"learning_rate": -1.0}, ConfigError, "learning_rate must be"),
    ],
)
def test_what_does_not_fit_is_refused(
    gradients: dict, options: dict, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        adamw_step(WEIGHTS, gradients, **{"learning_rate": 0.1, **options})
