"""Weights on the keys that say what kind a head is, against the dense weights."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import AttentionMap
from clearhead.maps.measures.place_weights import (
    DUPLICATE,
    FIRST,
    INDUCTION,
    LAST,
    NEAR,
    NEXT,
    PlaceWeights,
    same_tokens,
)


@pytest.mark.parametrize(("queries", "offset"), [(9, 0), (4, 5), (11, 0)])
def test_each_number_is_the_weight_of_its_keys(queries: int, offset: int) -> None:
    torch.manual_seed(1)
    keys = 9
    one = AttentionMap.of(torch.randn(2, 4, queries, 8), torch.randn(2, 2, keys, 8))
    one.query_offset = offset
    ids = torch.randint(0, 3, (2, keys))
    numbers, largest = one.result_of(PlaceWeights(ids))
    weights = one.weights[...]
    expected = torch.zeros(2, 4, queries, 8)
    for query in range(queries):
        place = query + offset
        for column, key in enumerate((place - 1, place + 1, place, 0, keys - 1)):
            if 0 <= key < keys:
                expected[:, :, query, column] = weights[:, :, query, key]
        near = [key for key in range(keys) if abs(key - place) <= 4]
        expected[:, :, query, NEAR] = weights[:, :, query, near].sum(-1)
        for row in range(2):
            alike = [j for j in range(min(place, keys)) if place < keys]
            alike = [j for j in alike if ids[row, j] == ids[row, place]]
            after = [j + 1 for j in alike if j + 1 < place]
            for column, places in ((DUPLICATE, alike), (INDUCTION, after)):
                expected[row, :, query, column] = weights[row, :, query, places].sum(-1)
    torch.testing.assert_close(numbers, expected)
    torch.testing.assert_close(largest, weights.amax(-2))


def test_what_is_not_of_the_text_is_passed_over() -> None:
    torch.manual_seed(2)
    one = AttentionMap.of(torch.randn(2, 1, 5, 4), torch.randn(2, 1, 5, 4), causal=True)
    in_text, ends = torch.arange(5)[None] < torch.tensor([[3], [5]]), torch.tensor([[1, 2], [0, 4]])
    numbers, largest = one.result_of(PlaceWeights(None, in_text, ends))
    weights = one.weights[...]
    assert numbers.shape[-1] == DUPLICATE  # nothing of tokens without ids
    assert numbers[..., NEXT].abs().max() == 0
    for row, (first, last) in enumerate(ends.tolist()):
        torch.testing.assert_close(numbers[row, :, :, FIRST], weights[row, :, :, first])
        torch.testing.assert_close(numbers[row, :, :, LAST], weights[row, :, :, last])
    torch.testing.assert_close(largest[0], weights[0, :, :3].amax(-2))


def test_pairs_are_of_keys_before_the_query() -> None:
    ids = torch.tensor([[1.0, 2.0, 1.0, 1.0]])
    alike = same_tokens(ids, torch.tensor([[-1.0, 1.0, 2.0, 1.0, 1.0]]), 0)
    assert alike.duplicate[0].nonzero().tolist() == [[2, 0], [3, 0], [3, 2]]
    assert alike.follows[0].nonzero().tolist() == [[2, 1], [3, 1]]
