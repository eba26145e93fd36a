"""The biases of positions follow from the distance of query and key."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.derivations._biases import alibi, relative
from clearhead.reference.positions import alibi_bias
from tests.explorer.walked import computed, every_element, walked
from tests.reference.models import small_config


@pytest.mark.parametrize("heads", [1, 3, 4, 6, 12])
def test_alibi_holds_for_any_number_of_heads(heads: int) -> None:
    config = small_config(
        positions="alibi", num_heads=heads, d_model=2 * heads, encoder_layers=1, decoder_layers=1
    )
    every_element(walked(config), "*.bias")


@pytest.mark.parametrize(("buckets", "farthest"), [(32, 128), (8, 20), (4, 20), (32, 40)])
def test_relative_buckets_hold_for_near_and_far_distances(buckets: int, farthest: int) -> None:
    config = small_config(
        positions="relative",
        relative_buckets=buckets,
        relative_max_distance=farthest,
        max_length=160,
        num_heads=1,
        encoder_layers=1,
        decoder_layers=1,
    )
    run = walked(config, lengths=(150, 150))
    for step in run.trace.find("*.bias"):
        for index in [(0, 0, j) for j in range(150)] + [(0, 149, j) for j in range(150)]:
            assert computed(run, step, index) == step.value[index], index


@pytest.mark.parametrize("heads", [1, 3, 8])
def test_alibi_is_the_references_bias(heads: int) -> None:
    derivation = alibi(small_config(positions="alibi", num_heads=heads, d_model=2 * heads))
    constants = {one.symbol: one.constant for one in derivation.operands if one.constant}
    positions = np.arange(6)
    expected = alibi_bias(heads, positions, positions)
    for (h, i, j), bias in np.ndenumerate(expected.reshape(heads, 6, 6)):
        value = eval(derivation.expression, {}, constants | {"h": h, "i": i, "j": j})
        assert value == pytest.approx(bias, rel=1e-12)


@pytest.mark.parametrize(("stack", "buckets"), [("encoder", 16), ("decoder", 32)])
def test_an_encoder_has_half_of_its_buckets_for_each_direction(stack: str, buckets: int) -> None:
    config = small_config(positions="relative", relative_buckets=32, relative_max_distance=128)
    derivation = relative(stack, config)
    constants = {one.symbol: one.constant for one in derivation.operands if one.constant}
    assert constants["buckets"] == buckets
    names = {"np": np, "w": np.arange(32), **constants}
    near = [eval(derivation.expression, names | {"i": 9, "j": j}) for j in (9, 8, 7, 10, 11)]
    # Keys after the query: buckets of their own in an encoder, distance 0 in a decoder.
    assert near == ([0, 1, 2, 17, 18] if stack == "encoder" else [0, 1, 2, 0, 0])
    assert eval(derivation.expression, names | {"i": 10_000, "j": 0}) == buckets - 1
