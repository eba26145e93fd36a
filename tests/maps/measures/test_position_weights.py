"""Weights on the keys that say what kind a head is, against the dense weights."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import AttentionMap
from clearhead.maps.measures.position_weights import PositionWeights


@pytest.mark.parametrize(("queries", "offset"), [(9, 0), (4, 5), (11, 0)])
def test_each_number_is_the_weight_of_its_key(queries: int, offset: int) -> None:
    torch.manual_seed(1)
    keys = 9
    one = AttentionMap.of(torch.randn(2, 4, queries, 8), torch.randn(2, 2, keys, 8))
    one.query_offset = offset
    numbers = one.measure(PositionWeights())[PositionWeights()]
    weights = one.weights[...]
    expected = torch.zeros(2, 4, queries, 6)
    for row in range(queries):
        for place, key in enumerate(
            (row + offset - 1, row + offset + 1, row + offset, 0, keys - 1)
        ):
            if 0 <= key < keys:
                expected[:, :, row, place] = weights[:, :, row, key]
    expected[..., 5] = keys
    torch.testing.assert_close(numbers, expected)


def test_a_key_that_is_hidden_is_not_counted() -> None:
    one = AttentionMap.of(torch.randn(1, 1, 5, 4), torch.randn(1, 1, 5, 4), causal=True)
    numbers = one.measure(PositionWeights())[PositionWeights()]
    assert numbers[0, 0, :, 5].tolist() == [1, 2, 3, 4, 5]
    assert numbers[0, 0, :, 1].abs().max() == 0
