from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from clearhead.maps.recorder.eager.assembled._movements import Movements
from clearhead.maps.recorder.eager.assembled._origins import Addresses
from clearhead.maps.recorder.eager.assembled._places import arrangement, check_queries, key_places
from clearhead.maps.recording.captured import Unreadable

BATCH, LENGTH, HEADS, WIDTH = 2, 6, 3, 4
FEATURES = torch.randn(BATCH, LENGTH, HEADS * WIDTH)
PLACES = Addresses(Movements())
ADDRESS = PLACES.of(FEATURES).unflatten(-1, (HEADS, WIDTH))[..., 0]  # [batch, length, heads]


def elements(query, key):
    return SimpleNamespace(query=query, key=key)


def of_all_keys(order):
    """Each query with all keys of its head; the axes batch, length, heads in an order."""
    query = ADDRESS.permute(*order)
    heads = ADDRESS.transpose(1, 2)[:, None].expand(BATCH, LENGTH, HEADS, LENGTH)
    key = heads.permute(*order, 3)
    return elements(query[..., None].expand(key.shape), key)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_axes_follow_from_memory(order):
    result = arrangement(of_all_keys(order), PLACES, [])
    assert (result.batch, result.heads, result.query_len) == (BATCH, HEADS, LENGTH)
    rows = result.apply(of_all_keys(order).query)[..., 0]
    assert torch.equal(rows, ADDRESS.transpose(1, 2))


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1)])
def test_batch_and_heads_on_one_axis(order):
    whole = of_all_keys(order)
    merged = elements(whole.query.flatten(0, 1), whole.key.flatten(0, 1))
    result = arrangement(merged, PLACES, [])
    assert (result.batch, result.heads) == (BATCH, HEADS)
    assert torch.equal(result.apply(merged.query)[..., 0], ADDRESS.transpose(1, 2))


def test_queries_in_blocks_are_one_after_the_other():
    whole = of_all_keys((0, 2, 1))
    blocks = elements(whole.query.unflatten(2, (2, 3)), whole.key.unflatten(2, (2, 3)))
    result = arrangement(blocks, PLACES, [])
    assert (result.batch, result.heads, result.query_len) == (BATCH, HEADS, LENGTH)


def test_one_axis_is_of_heads_where_the_module_says_so():
    whole = of_all_keys((0, 2, 1))
    one = elements(whole.query[0], whole.key[0])
    assert arrangement(one, PLACES, [HEADS]).heads == HEADS
    assert arrangement(one, PLACES, []).batch == HEADS
    assert arrangement(one, PLACES, [HEADS], [HEADS]).heads == HEADS  # within a token's features


def test_a_row_with_several_queries_is_refused():
    whole = of_all_keys((0, 1, 2))
    query = whole.query.clone()
    query[0, 0, 0, 1] = query[0, 1, 0, 0]
    with pytest.raises(Unreadable, match="several queries"):
        arrangement(elements(query, whole.key), PLACES, [])


def test_keys_are_numbered_by_their_memory():
    key = ADDRESS.transpose(1, 2)[:, :, None].expand(BATCH, HEADS, LENGTH, LENGTH)
    places, count = key_places(key.flip(-1), PLACES)
    assert count == LENGTH
    assert places[1, 2, 0].tolist() == [5, 4, 3, 2, 1, 0]


def test_keys_of_several_memories_follow_one_another():
    addresses = Addresses(Movements())
    one = addresses.of(torch.randn(1, 1, 4, 8))[..., 0]
    other = addresses.of(torch.randn(1, 1, 2, 8))[..., 0]
    key = torch.cat([other, one], -1)[:, :, None]
    places, count = key_places(key, addresses)
    assert count == 6
    assert places[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_keys_in_irregular_steps_are_refused():
    key = ADDRESS.transpose(1, 2)[:, :, None].expand(BATCH, HEADS, LENGTH, LENGTH).clone()
    key[1, 1, 0, 0] += 1
    with pytest.raises(Unreadable, match="regular steps"):
        key_places(key, PLACES)


def test_queries_in_another_order_are_refused():
    query = ADDRESS.transpose(1, 2)[..., None]
    check_queries(query)
    check_queries(torch.where(torch.arange(LENGTH)[:, None] == 2, -1, query))  # one of no product
    with pytest.raises(Unreadable, match="another order"):
        check_queries(query.flip(2))
