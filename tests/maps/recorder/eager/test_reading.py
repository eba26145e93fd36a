"""From a softmax back to queries and keys, whatever happened to the axes between them."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import TraceError
from tests.maps.attending import Calls, dense, recorded

torch.manual_seed(0)
BATCH, HEADS, QUERIES, KEYS = 2, 4, 5, 7
Q, K = torch.randn(BATCH, HEADS, QUERIES, 8), torch.randn(BATCH, HEADS, KEYS, 8)
GROUPED = torch.randn(BATCH, 2, KEYS, 8)


def read(attend, heads=HEADS):
    model = Calls(attend)
    model.num_heads = heads
    return recorded(model, model)[""]


def merged_axes():
    query, key = Q.flatten(0, 1), K.flatten(0, 1)
    return torch.bmm(query, key.mT).softmax(-1) @ key


def queries_before_heads():
    scores = (Q @ K.mT).transpose(1, 2)
    return scores.softmax(-1).transpose(1, 2) @ K


def keys_times_queries():
    return (K @ Q.mT).softmax(-2).mT @ K


def keys_on_the_first_axis():
    weights = (Q @ K.mT).permute(3, 0, 1, 2).softmax(0)
    return weights.permute(1, 2, 3, 0) @ K


def split_again():
    scores = torch.bmm(Q.flatten(0, 1), K.flatten(0, 1).mT)
    return scores.unflatten(0, (BATCH, HEADS)).softmax(-1) @ K


FORMS = [merged_axes, queries_before_heads, keys_times_queries, keys_on_the_first_axis, split_again]


@pytest.mark.parametrize("attend", FORMS, ids=lambda attend: attend.__name__)
def test_queries_and_keys_are_those_of_the_product(attend):
    one = read(attend)
    weights = dense(Q, K, scale=1.0)
    if one.shape[:2] != (BATCH, HEADS):  # batch and heads in one axis, as the map itself notes
        assert "batch and heads share an axis" in one.source.notes[0]
        weights = weights.flatten(0, 1)[:, None]
    torch.testing.assert_close(one.dense().double(), weights, rtol=0, atol=3e-6)


def test_keys_that_heads_share_are_gathered_once():
    def attend():
        query = Q.unflatten(1, (2, 2))
        weights = torch.einsum("bkgqd,bksd->bkgqs", query, GROUPED).softmax(-1)
        return torch.einsum("bkgqs,bksd->bkgqd", weights, GROUPED)

    one = read(attend)
    assert one.shape == (BATCH, HEADS, QUERIES, KEYS)
    assert torch.equal(one.key, GROUPED)
    expected = dense(Q, GROUPED, scale=1.0)
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("keys", [slice(2, None), slice(None, 3)])
def test_some_columns_of_a_product_are_those_keys(keys):
    one = read(lambda: (Q @ K.mT)[..., keys].softmax(-1) @ K[:, :, keys])
    assert torch.equal(one.key, K[:, :, keys])
    expected = dense(Q, K[:, :, keys], scale=1.0)
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)


def test_a_step_that_is_not_understood_is_the_reason_of_the_refusal():
    with pytest.raises(TraceError, match=r"its scores went through aten\.sigmoid"):
        read(lambda: (Q @ K.mT).sigmoid().softmax(-1) @ K)


def test_rows_that_are_shifted_against_each_other_are_refused():
    """As relative positions are: each row begins one entry further on in the memory."""

    def attend():
        scores = Q @ K.mT
        skewed = scores.as_strided((BATCH, HEADS, QUERIES - 1, KEYS), (140, 35, 8, 1))
        return skewed.softmax(-1) @ K

    with pytest.raises(TraceError, match=r"a part of the scores' memory|in different rows"):
        read(attend)
