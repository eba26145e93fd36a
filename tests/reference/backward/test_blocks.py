"""A layer on the way back, with norms at every place, by finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config import NORM_PLACES
from clearhead.reference import OFF, EncoderBlock, expected_shapes, finite_differences
from clearhead.reference.backward.blocks import through_layer
from clearhead.reference.backward.multi_head import Reading, Turn
from clearhead.reference.backward.scope import Scope, Tape
from tests.reference.models import random_weights, small_config

PATH = "encoder.layers.0"


@pytest.mark.parametrize(
    "choices", [*({"norm_place": place} for place in NORM_PLACES), {"parallel_sublayers": True}]
)
def test_what_a_layer_reads_and_its_norms(choices: dict) -> None:
    config = small_config(
        encoder_layers=1, decoder_layers=0, d_model=4, num_heads=2, feed_forward_dim=3,
        activation="gelu", **choices,
    )  # fmt: skip
    weights, rng = random_weights(config), np.random.default_rng(0)
    x, d = rng.normal(size=(2, 1, 3, 4))

    def output(weights: dict, x: np.ndarray, tape: Tape) -> np.ndarray:
        return EncoderBlock(weights, PATH, config)(x, trace=tape.at(PATH))

    def loss(weights: dict, x: np.ndarray) -> float:
        return float((output(weights, x, Tape()) * d).sum())

    tape = Tape()
    output(weights, x, tape)
    scope = Scope(tape, weights, OFF).at(PATH)
    ours = through_layer(scope, Reading(d, "d"), config, Turn(None, (False, "", "none")))
    assert ours.memory is None
    assert ours.input.name == f"{PATH}.d_input"
    close = {"rtol": 0, "atol": 1e-7}
    theirs = finite_differences(lambda each: loss(weights, each), x)
    np.testing.assert_allclose(ours.input.value, theirs, **close)
    names = [name for name in expected_shapes(config) if name.startswith(PATH)]
    assert sorted(scope.gradients) == sorted(names)
    for name in filter(lambda name: "norm" in name, names):
        theirs = finite_differences(
            lambda each, name=name: loss({**weights, name: each}, x), weights[name]
        )
        np.testing.assert_allclose(scope.gradients[name], theirs, err_msg=name, **close)
