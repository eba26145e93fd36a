from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.engine.cache import KeyValueCache


def _cache(rows: int, max_length: int = 100) -> KeyValueCache:
    return KeyValueCache(
        layers=2, rows=rows, kv_heads=2, head_dim=3, dtype=np.float64, max_length=max_length
    )


@given(data=st.data())
def test_it_is_concatenation_and_indexing(data):
    rng = np.random.default_rng(0)
    rows = data.draw(st.integers(1, 4))
    cache = _cache(rows)
    arrays = [[np.empty((rows, 2, 0, 3))] * 2 for _ in range(2)]
    for _ in range(data.draw(st.integers(1, 5))):
        length = data.draw(st.integers(1, 20))
        for layer in range(2):
            new = rng.standard_normal((2, rows, 2, length, 3))
            arrays[layer] = [
                np.concatenate(x, axis=2) for x in zip(arrays[layer], new, strict=True)
            ]
            for ours, expected in zip(cache.layers[layer].extend(*new), arrays[layer], strict=True):
                assert np.array_equal(ours, expected)
        cache.advance(length)
        parents = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=5))
        rows = len(parents)
        cache.reorder(np.array(parents))
        arrays = [[x[parents] for x in layer] for layer in arrays]


def test_room_doubles_and_ends_at_the_models_limit():
    cache = _cache(1, max_length=100)
    capacities = []
    for _ in range(100):
        for layer in cache.layers:
            layer.extend(np.ones((1, 2, 1, 3)), np.ones((1, 2, 1, 3)))
        cache.advance(1)
        capacities.append(cache.capacity)
    assert sorted(set(capacities)) == [32, 64, 100]


def test_rows_in_their_old_order_are_not_copied():
    cache = _cache(3)
    before = cache.layers[0].extend(np.ones((3, 2, 1, 3)), np.ones((3, 2, 1, 3)))[0]
    cache.advance(1)
    cache.reorder(np.arange(3))
    after = cache.layers[0].extend(np.ones((3, 2, 1, 3)), np.ones((3, 2, 1, 3)))[0]
    assert np.shares_memory(before, after)


def test_the_next_cache_uses_the_memory_of_the_last():
    def cache(rows):
        return KeyValueCache(
            layers=1, rows=rows, kv_heads=1, head_dim=2, dtype=np.float32, max_length=8
        )

    first = cache(3)
    address = first._buffer.ctypes.data
    del first
    second = cache(2)
    assert second._buffer.ctypes.data == address
    keys, values = second.extend(0, np.ones((2, 1, 1, 2)), np.zeros((2, 1, 1, 2)))
    del second
    # Somebody looks at it, so it is not written over.
    third = cache(2)
    third.extend(0, np.full((2, 1, 1, 2), 7.0), np.full((2, 1, 1, 2), 7.0))
    assert (keys.sum(), values.sum()) == (4, 0)
