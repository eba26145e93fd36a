"""The result of a softmax in other memory: which of its axes is that of the keys."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import Scoring
from clearhead.maps.recorder.eager._axes import Axes
from clearhead.maps.recorder.eager._nodes import Layout, weak_reference
from clearhead.maps.recorder.eager._weights import PendingAttention, Weights, changes_nothing
from clearhead.maps.recording.captured import CapturedAttention, Unreadable
from tests.maps.attending import dense

BATCH, HEADS, QUERIES, KEYS = 2, 4, 5, 7


def followed():
    """Weights [batch, heads, queries, keys], and what is noted of them."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(BATCH, HEADS, QUERIES, 8, generator=generator)
    key = torch.randn(BATCH, HEADS, KEYS, 8, generator=generator)
    x = dense(query, key).float()
    captured = CapturedAttention(query, key, Scoring.of(query, key), "explicit")
    heads = torch.arange(BATCH * HEADS).reshape(BATCH, HEADS, 1).expand(BATCH, HEADS, QUERIES)
    axes = Axes(-1, 2, BATCH, HEADS)
    attention = PendingAttention(captured=captured)
    return x, Weights(Layout.of(x), weak_reference(x), attention, heads, axes)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3), (0, 1, 3, 2), (3, 2, 0, 1)])
def test_a_copy_in_another_order_has_the_axes_of_the_softmax(order):
    x, weights = followed()
    part = x.permute(order)
    out = part.contiguous()
    after = weights.copied_to(out, part, weak_reference(out))
    back = out.as_strided(after.layout.shape, after.layout.stride, after.layout.offset)
    assert torch.equal(back, x)
    assert after.axes is weights.axes


def test_a_copy_of_some_heads_knows_which_they_are():
    x, weights = followed()
    part = x[1:, 2:]
    out = part.contiguous()
    after = weights.copied_to(out, part, weak_reference(out))
    assert after.axes is None
    assert after.heads[:, :, 0].tolist() == [[HEADS + 2, HEADS + 3]]


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (lambda x: x[..., 1:], "^a part of the weights was copied$"),
        (lambda x: x[..., ::2], "^a part of the weights was copied$"),
        (lambda x: x[:, :, None].expand(-1, -1, 3, -1, -1), "^some of the weights were repeated$"),
    ],
)
def test_a_copy_of_some_keys_or_of_one_many_times_is_not_followed(view, words):
    x, weights = followed()
    part = view(x)
    out = part.contiguous()
    with pytest.raises(Unreadable, match=words):
        weights.copied_to(out, part, weak_reference(out))


def test_a_product_goes_along_the_keys_or_along_another_axis():
    x, weights = followed()
    flat = x.flatten(0, 1)
    assert weights.along_keys(flat)
    assert weights.along_keys(flat[:, 1:])
    assert not weights.along_keys(flat.mT)
    assert not weights.along_keys(flat[..., :1])
    assert not weights.along_keys(x[0].permute(1, 2, 0))
    assert not weights.along_keys(x[0, :, :1].expand(-1, 3, -1))


def test_whole_rows_of_zeros_become_queries_that_attend_to_nothing():
    x, weights = followed()
    assert changes_nothing(weights, x)
    x[0, 1, 2] = 0
    assert changes_nothing(weights, x)
    mask = weights.attention.captured.scoring.mask
    assert (mask.end == 0).nonzero().tolist() == [[0, 1, 2]]


def test_any_other_change_is_one():
    x, weights = followed()
    before = weights.attention.captured
    x[0, 1, 2, 3] += 0.01
    assert not changes_nothing(weights, x)
    assert weights.attention.captured is before


@pytest.mark.parametrize("what", ["captured", "axes", "dropout"])
def test_what_cannot_be_compared_counts_as_changed(what):
    x, weights = followed()
    if what == "captured":
        weights.attention.captured = None
    elif what == "axes":
        weights.axes = None
    else:
        weights.attention.captured.dropout = 0.1
    assert not changes_nothing(weights, x)
