from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference.positions import (
    Rotation,
    alibi_bias,
    alibi_slopes,
    learned_positions,
    relative_bias,
    relative_buckets,
    rotary_angles,
    rotary_embedding,
    rotate,
    sinusoidal_positions,
)
from clearhead.reference.tracing.trace import Trace


def test_sinusoidal_positions_by_hand():
    table = sinusoidal_positions(3, 4)
    rate = 10000**-0.5
    row = [np.sin(2), np.cos(2), np.sin(2 * rate), np.cos(2 * rate)]
    np.testing.assert_allclose(table[0], [0, 1, 0, 1])
    np.testing.assert_allclose(table[2], row, rtol=1e-12)
    assert sinusoidal_positions(3, 4, dtype=np.float32).dtype == np.float32


def test_learned_positions_end():
    table = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(learned_positions(table, 2, 3), [[6, 7], [8, 9]])
    with pytest.raises(ShapeError, match=r"Positions 4 to 6 .* ends at 5"):
        learned_positions(table, 3, 4)


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


def test_alibi_by_the_paper():
    np.testing.assert_allclose(alibi_slopes(8), [2.0**-i for i in range(1, 9)])
    # Twelve heads: the eight of 8, then every other one of 16.
    np.testing.assert_allclose(alibi_slopes(12)[8:], [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])
    bias = alibi_bias(8, np.array([2]), np.arange(4))
    np.testing.assert_allclose(bias[0, 0], [-1.0, -0.5, 0.0, -0.5])


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("bidirectional", [True, False])
def test_buckets_are_those_of_t5(bidirectional):
    modeling_t5 = pytest.importorskip("transformers.models.t5.modeling_t5")
    distance = np.arange(-400, 400)
    theirs = modeling_t5.T5Attention._relative_position_bucket(
        torch.from_numpy(distance), bidirectional, 32, 128
    ).numpy()
    # T5 takes logarithms in float32, which at powers of two can fall on the other side.
    ours = relative_buckets(distance, bidirectional=bidirectional)
    assert (ours == theirs).mean() > 0.99


def test_buckets_by_hand():
    ours = relative_buckets(
        np.array([0, -3, -7, -8, -127, -5000, 2]),
        bidirectional=False,
        num_buckets=16,
        max_distance=128,
    )
    # Eight exact ones; then 8 to 128 in eight logarithmic steps; the future counts as 0.
    assert ours.tolist() == [0, 3, 7, 8, 15, 15, 0]
    both = relative_buckets(np.array([-1, 0, 1]), bidirectional=True, num_buckets=16)
    assert both.tolist() == [1, 0, 9]


def test_relative_bias_reads_the_table():
    weight = np.arange(64.0).reshape(32, 2)
    bias = relative_bias(weight, np.array([3]), np.arange(4), bidirectional=False)
    np.testing.assert_array_equal(bias, [[[6, 4, 2, 0]], [[7, 5, 3, 1]]])
