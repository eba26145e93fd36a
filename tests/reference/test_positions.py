from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.errors import ShapeError
from clearhead.reference.positions import (
    alibi_bias,
    alibi_slopes,
    learned_positions,
    positions_without_padding,
    relative_bias,
    relative_buckets,
    sinusoidal_positions,
)
from tests.reference.exact_transformers import double_throughout


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


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_buckets", [5, 8, 13, 32, 33, 64])
@pytest.mark.parametrize("max_distance", [50, 128, 129, 500, 1000])
def test_every_far_bucket_is_that_of_t5(bidirectional, num_buckets, max_distance):
    from transformers.models.t5.modeling_t5 import T5Attention

    distance = np.arange(-4000, 4001)
    settings = {
        "bidirectional": bidirectional,
        "num_buckets": num_buckets,
        "max_distance": max_distance,
    }
    expected = T5Attention._relative_position_bucket(torch.from_numpy(distance), **settings)
    np.testing.assert_array_equal(relative_buckets(distance, **settings), expected)


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("d_model", [2, 6, 64])
def test_sines_before_cosines_are_those_of_marian(d_model):
    from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

    expected = MarianSinusoidalPositionalEmbedding(70, d_model).create_weight().numpy()
    for dtype in (np.float32, np.float64):
        ours = sinusoidal_positions(60, d_model, start=10, layout="halves", dtype=dtype)
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, expected[10:], atol=6e-8)


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("d_model", [4, 64])
def test_sines_to_the_end_are_those_of_m2m100(d_model):
    from transformers.models.m2m_100 import modeling_m2m_100

    embedding = modeling_m2m_100.M2M100SinusoidalPositionalEmbedding
    expected = embedding.get_embedding(1026, d_model).numpy()
    ours = sinusoidal_positions(1026, d_model, layout="halves_to_end", dtype=np.float32)
    np.testing.assert_allclose(ours, expected, atol=2e-7)
    with double_throughout():
        expected = embedding.get_embedding(1026, d_model).numpy()
    ours = sinusoidal_positions(1026, d_model, layout="halves_to_end")
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_padding_has_the_row_before_the_first_position():
    real = np.array([[1, 1, 1, 0], [0, 0, 1, 1]], bool)
    rows = positions_without_padding(real, offset=2)
    assert rows.tolist() == [[2, 3, 4, 1], [1, 1, 2, 3]]
    assert positions_without_padding(real, start=5, offset=2).tolist() == [
        [7, 8, 9, 1],
        [1, 1, 7, 8],
    ]
