from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config_parts import RotaryConfig
from clearhead.errors import ShapeError
from clearhead.reference.rotary import (
    Rotation,
    rotary_angles,
    rotary_embedding,
    rotary_frequencies,
    rotate,
)
from clearhead.reference.tracing.trace import Trace
from tests.reference.exact_transformers import double_throughout


def test_a_rotation_by_a_quarter_turn():
    quarter = Rotation(np.array([[0.0]]), np.array([[1.0]]))
    np.testing.assert_allclose(rotate(np.array([[3.0, 4.0]]), quarter), [[-4, 3]])


@given(seed=st.integers(0, 99), shift=st.integers(0, 50), interleaved=st.booleans())
def test_scores_depend_on_the_distance_alone(seed, shift, interleaved):
    rng = np.random.default_rng(seed)
    query, key = rng.standard_normal((2, 1, 8))

    def score(i: int, j: int) -> float:
        q = rotate(query, rotary_angles(np.array([i]), 8), interleaved=interleaved)
        k = rotate(key, rotary_angles(np.array([j]), 8), interleaved=interleaved)
        return float((q * k).sum())

    np.testing.assert_allclose(score(5, 2), score(5 + shift, 2 + shift), atol=1e-12)


def test_halves_are_hugging_faces_layout():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 4, 5, 8))
    rotation = rotary_angles(5, 8)
    # As in transformers: cosines and sines twice side by side, x * cos + rotate_half(x) * sin.
    cos, sin = (np.concatenate((table, table), -1) for table in rotation)
    half = np.concatenate((-x[..., 4:], x[..., :4]), -1)
    np.testing.assert_allclose(rotate(x, rotation), x * cos + half * sin, atol=1e-14)


def test_interleaved_is_the_halves_in_another_order():
    x = np.random.default_rng(0).standard_normal((3, 8))
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    rotation = rotary_angles(3, 8)
    expected = rotate(x[:, order], rotation)
    np.testing.assert_allclose(rotate(x, rotation, interleaved=True)[:, order], expected)


def test_part_of_a_head_can_be_rotated():
    x = np.random.default_rng(0).standard_normal((3, 8))
    ours = rotate(x, rotary_angles(3, 4))
    np.testing.assert_array_equal(ours[:, 4:], x[:, 4:])
    np.testing.assert_array_equal(ours[:, :4], rotate(x[:, :4], rotary_angles(3, 4)))


def test_position_ids_choose_from_the_caches():
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 8))
    ids = np.array([[5, 6, 7], [0, 9, 2]])
    cos, sin = rotary_angles(10, 8)
    ours = rotary_embedding(x, cos, sin, ids)
    expected = [rotate(row, rotary_angles(i, 8)) for row, i in zip(x, ids, strict=True)]
    np.testing.assert_allclose(ours, expected, atol=1e-14)


def test_a_rotation_is_a_step():
    trace = Trace()
    rotate(np.ones((1, 2, 3, 4)), rotary_angles(3, 4), trace=trace)
    assert trace["rotated"].axes == ("batch", "heads", "length", "head_dim")


def test_rotations_are_checked():
    with pytest.raises(ShapeError, match="4 pairs needs heads of at least 8 entries; they have 6"):
        rotate(np.ones((3, 6)), rotary_angles(3, 8))
    with pytest.raises(ShapeError, match="does not broadcast"):
        rotate(np.ones((3, 8)), rotary_angles(4, 8))
    with pytest.raises(ShapeError, match="num_heads must divide"):
        rotary_embedding(np.ones((1, 2, 6)), *rotary_angles(2, 4), num_heads=4)


# Llama 3.1's numbers, and others that put pairs on every side of the limits.
SCALINGS = [
    RotaryConfig(scaling="llama3", factor=8.0),
    RotaryConfig(
        scaling="llama3", factor=3.0, low_frequency_factor=2.0, high_frequency_factor=5.0,
        original_length=100,
    ),
    RotaryConfig(scaling="linear", factor=4.0),
]  # fmt: skip


def theirs(scaling: RotaryConfig, dim: int, base: float) -> np.ndarray:
    """The frequencies of transformers, in float64 inside of `double_throughout`."""
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    parameters = {
        "rope_type": scaling.scaling,
        "rope_theta": base,
        "factor": scaling.factor,
        "low_freq_factor": scaling.low_frequency_factor,
        "high_freq_factor": scaling.high_frequency_factor,
        "original_max_position_embeddings": scaling.original_length,
    }
    config = LlamaConfig(head_dim=dim, rope_parameters=parameters, max_position_embeddings=10**6)
    return ROPE_INIT_FUNCTIONS[scaling.scaling](config, "cpu")[0].numpy()


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("dim", "base"), [(64, 500000.0), (16, 10000.0)])
def test_frequencies_are_those_of_transformers(scaling, dim, base):
    ours = rotary_frequencies(dim, base=base, scaling=scaling, dtype=np.float32)
    np.testing.assert_allclose(ours, theirs(scaling, dim, base), rtol=3e-7)
    with double_throughout():
        expected = theirs(scaling, dim, base)
    assert expected.dtype == np.float64
    ours = rotary_frequencies(dim, base=base, scaling=scaling)
    np.testing.assert_allclose(ours, expected, rtol=1e-14)


def test_the_cases_reach_every_side_of_the_llama_3_scaling():
    for scaling in SCALINGS[:2]:
        plain = rotary_frequencies(64, base=500000.0)
        slower = plain / rotary_frequencies(64, base=500000.0, scaling=scaling)
        assert slower.min() == 1
        assert slower.max() == scaling.factor
        assert ((slower > 1.001) & (slower < scaling.factor - 0.001)).any()


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("base", [10000.0, 500000.0])
def test_far_angles_in_float32_are_those_of_transformers(base):
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    positions = np.array([0, 1, 500, 4095, 32_000, 131_071])
    parameters = {"rope_type": "default", "rope_theta": base}
    rotary = LlamaRotaryEmbedding(LlamaConfig(head_dim=64, rope_parameters=parameters))
    cosine, sine = rotary(torch.zeros(1), torch.from_numpy(positions)[None])
    ours = rotary_angles(positions, 64, base=base, dtype=np.float32)
    np.testing.assert_allclose(ours.cosine, cosine[0, :, :32], atol=1e-6)
    np.testing.assert_allclose(ours.sine, sine[0, :, :32], atol=1e-6)
    # So far out an exact angle is another one.
    exact = rotary_angles(positions, 64, base=base)
    assert np.abs(exact.cosine[-1] - cosine[0, -1, :32].numpy()).max() > 1e-3
