"""A row of a batch, or some heads of it, has the weights that it has in the whole."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import AttentionMap
from clearhead.maps.one_row import one_row

BATCH, HEADS, QUERIES, KEYS = 3, 4, 5, 7


def tensors():
    torch.manual_seed(0)
    return (
        torch.randn(BATCH, HEADS, QUERIES, 8),
        torch.randn(BATCH, 2, KEYS, 8),
        torch.randn(BATCH, 2, KEYS, 6),
    )


def padding():
    lengths = torch.tensor([7, 4, 0])
    return (torch.arange(KEYS) < lengths[:, None])[:, None, None]


def holes():
    torch.manual_seed(1)
    return torch.rand(BATCH, 1, QUERIES, KEYS) > 0.4


def flat_rows():
    mask = torch.zeros(BATCH, 1, QUERIES, KEYS)
    mask[1, :, 2] = torch.finfo(torch.float32).min
    return mask


WAYS = {
    "plain": {},
    "causal": {"causal": True, "causal_offset": 2},
    "padding": {"mask": padding()},
    "padding and causal": {"mask": padding(), "causal": True},
    "holes": {"mask": holes()},
    "holes and a window": {"mask": holes(), "window": (2, 1)},
    "bias of each row": {"bias": torch.randn(BATCH, HEADS, QUERIES, KEYS)},
    "bias by distance": {"bias": (torch.arange(KEYS) - torch.arange(QUERIES)[:, None]) * 0.1},
    "a mask that swallows": {"mask": flat_rows()},
    "sinks": {"sinks": torch.randn(HEADS)},
    "softcap": {"softcap": 5.0},
    "score_mod": {"score_mod": lambda score, b, h, i, j: score * (b + 1) + h * 0.1 - (i - j) * 0.2},
}


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_it_has_the_weights_of_the_whole(way, known):
    query, key, value = tensors()
    whole, taken = (AttentionMap.of(query, key, value, **WAYS[way]) for _ in range(2))
    if known:
        taken.measure("lse")
    for row in range(BATCH):
        alone = one_row(taken, row)
        assert alone.shape == (1, HEADS, QUERIES, KEYS)
        assert (alone.known_lse is not None) == known
        torch.testing.assert_close(alone.dense(), whole[row : row + 1])
        torch.testing.assert_close(alone.scores[...], whole.scores[row : row + 1])
        torch.testing.assert_close(alone.entropy(), whole.entropy()[row : row + 1])
        actual, expected = (each.topk(2, by="contribution") for each in (alone, whole))
        assert torch.equal(actual.indices, expected.indices[row : row + 1])
        assert alone.source == whole.source
        assert alone.query_offset == whole.query_offset


@pytest.mark.parametrize("kv_heads", [(0, 1), (1, 2), (0, 2)])
@pytest.mark.parametrize("way", WAYS)
def test_some_heads_have_the_weights_of_the_whole(way, kv_heads):
    whole = AttentionMap.of(*tensors(), **WAYS[way])
    heads = slice(2 * kv_heads[0], 2 * kv_heads[1])
    part = one_row(whole, 1, kv_heads)
    torch.testing.assert_close(part.entropy(), whole.entropy()[1:2, heads])
    torch.testing.assert_close(part.lse, whole.lse[1:2, heads])
    torch.testing.assert_close(part.dense(), whole[1:2, heads])


@pytest.mark.parametrize("kv_heads", [(-1, 1), (1, 1), (0, 3), (2, 3)])
def test_there_are_no_other_heads(kv_heads):
    with pytest.raises(IndexError, match="There are 2 heads of keys, from 0; there are no"):
        one_row(AttentionMap.of(*tensors()), 1, kv_heads)


def test_nothing_is_copied():
    query, key, value = tensors()
    alone = one_row(AttentionMap.of(query, key, value), 2)
    for mine, theirs in ((alone.query, query), (alone.key, key), (alone.value, value)):
        assert mine.data_ptr() == theirs[2].data_ptr()


@pytest.mark.parametrize("row", [-1, 3])
def test_there_is_no_other_row(row):
    with pytest.raises(IndexError, match=rf"has 3 rows, from 0; there is no row {row}"):
        one_row(AttentionMap.of(*tensors()), row)
