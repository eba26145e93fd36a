"""How long a tensor's sequence may be."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.owners._sequence_lengths import Lengths


@pytest.mark.parametrize(
    ("batch", "shape", "lengths"),
    [
        (2, (7, 4), {7}),
        (2, (2, 7, 4), {7}),
        (2, (7, 2, 4), {7}),
        (2, (2, 2, 4), {2}),
        (16, (2, 32, 4), {32}),  # windows: the batch is a multiple
        (16, (2, 8, 4), {2, 8}),
        (5, (2, 7, 4), {2, 7}),
        (2, (2, 4, 3, 5), {4, 3, 12, 15}),
        (2, (2, 3, 5, 4), {3, 5, 15, 20}),
    ],
)
def test_the_axis_of_the_batch_is_no_length(batch, shape, lengths):
    assert Lengths(batch, 1, 1).of(torch.zeros(shape)) == lengths


def test_video_may_be_a_sequence_of_all_its_places():
    lengths = Lengths(1, 1, 1).of(torch.zeros(1, 8, 2, 3, 5))
    assert {2 * 3 * 5, 8 * 2 * 3, 3 * 5} <= lengths
