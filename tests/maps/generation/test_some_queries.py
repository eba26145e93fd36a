"""Some queries of a map have the weights that they have in the whole."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import AttentionMap
from clearhead.maps.generation.some_queries import some_queries


def test_weights_labels_and_distances_stay():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 2, 9, 4)
    labels = list("abcdefghi")
    one = AttentionMap.of(query, key, value, causal=True, query_labels=labels, key_labels=labels)
    for _ in range(2):  # then with denominators that have been computed
        part = some_queries(one, 3, 7)
        torch.testing.assert_close(part.dense(), one[:, :, 3:7])
        torch.testing.assert_close(part.contributions[...], one.contributions[:, :, 3:7])
        one.entropy()
    assert part.query_labels == (tuple("defg"),) * 2
    assert part.key_labels == one.key_labels
    torch.testing.assert_close(part.distance(), one.distance()[..., 3:7])


def test_queries_that_there_are_not():
    one = AttentionMap.of(*torch.randn(2, 1, 1, 4, 2))
    with pytest.raises(IndexError, match="There are 4 queries, from 0; there are no 3 to 5"):
        some_queries(one, 3, 5)
