from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.errors import ShapeError
from clearhead.reference.positions import (
    alibi_bias,
    alibi_slopes,
    learned_positions,
    relative_bias,
    relative_buckets,
    sinusoidal_positions,
)


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
