from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.layers.attention_positions import AttentionPositions
from clearhead.reference.positions import alibi_bias, relative_bias
from clearhead.reference.rotary import rotary_angles
from tests.reference.models import random_weights, small_config

MASK = np.array([True, True, False, True, True])


def positions_of(kind):
    config = small_config(positions=kind)
    weights = random_weights(config)
    return AttentionPositions(config, weights), config, weights


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_positions_of_tokens_do_nothing_inside_of_attention(kind):
    positions, _, _ = positions_of(kind)
    assert positions.rotation(0, 5) is None
    assert positions.add_bias(MASK, "encoder", 0, 5) is MASK
    assert positions.add_bias(None, "decoder", 0, 5) is None


def test_a_rotation_begins_at_the_first_position():
    positions, config, _ = positions_of("rotary")
    expected = rotary_angles(5, config.head_dim, base=config.rotary_base)
    rotation = positions.rotation(2, 3)
    np.testing.assert_allclose(rotation.cosine, expected.cosine[2:], atol=1e-15)
    np.testing.assert_allclose(rotation.sine, expected.sine[2:], atol=1e-15)
    assert positions.add_bias(MASK, "encoder", 0, 5) is MASK


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
@pytest.mark.parametrize("kind", ["alibi", "relative"])
def test_a_bias_is_that_of_the_queries_positions_and_keeps_the_mask(kind, stack):
    positions, config, weights = positions_of(kind)
    queries, keys = np.arange(3, 5), np.arange(5)
    if kind == "alibi":
        expected = alibi_bias(config.num_heads, queries, keys)
    else:
        table = weights[f"{stack}.relative_bias.weight"]
        expected = relative_bias(
            table, queries, keys, bidirectional=stack == "encoder",
            max_distance=config.relative_max_distance,
        )  # fmt: skip
    np.testing.assert_array_equal(positions.add_bias(None, stack, 3, 2), expected)
    masked = positions.add_bias(MASK, stack, 3, 2)
    assert np.isneginf(masked[..., 2]).all()
    np.testing.assert_array_equal(masked[..., MASK], expected[..., MASK])
    assert positions.rotation(0, 5) is None
