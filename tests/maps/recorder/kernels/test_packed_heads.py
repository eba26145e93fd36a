"""The heads of one new token, passed to a kernel as if they were queries."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearhead.maps import Scoring
from clearhead.maps.recorder.kernels._packed_heads import with_heads_unpacked
from clearhead.maps.recorder.owners import Owner
from clearhead.maps.recording.captured import CapturedAttention, Unreadable
from tests.maps.attending import dense

torch.manual_seed(0)
BATCH, KV_HEADS, GROUP, KEYS = 2, 2, 3, 7
KERNEL_QUERY = torch.randn(BATCH, KV_HEADS, GROUP, 8)
QUERY = KERNEL_QUERY.reshape(BATCH, KV_HEADS * GROUP, 1, 8)
KEY = torch.randn(BATCH, KV_HEADS, KEYS, 8)


def owner(heads=KV_HEADS * GROUP, tokens=1):
    module = nn.Identity()
    module.num_heads = heads
    return Owner("layer", module, calls=[(module, {"hidden": torch.randn(BATCH, tokens, 48)})])


def make_captured(lse=None, **scoring):
    return CapturedAttention(
        KERNEL_QUERY, KEY, Scoring.of(KERNEL_QUERY, KEY, **scoring), "flash", lse=lse
    )


def weights_of(captured):
    return captured.scoring.tile(captured.query, captured.key).softmax(-1).double()


@pytest.mark.parametrize(
    ("kernel_mask", "mask"),
    [
        (None, None),
        (torch.arange(KEYS) < 5, torch.arange(KEYS) < 5),
        (torch.arange(KEYS) < torch.tensor([3, 6])[:, None, None, None],) * 2,
    ],
    ids=["none", "padding", "padding of each row"],
)
def test_the_heads_of_one_token_are_heads_again(kernel_mask, mask):
    lse = torch.randn(BATCH, KV_HEADS, GROUP)
    captured = with_heads_unpacked(owner(), make_captured(mask=kernel_mask, lse=lse))
    assert torch.equal(captured.query, QUERY)
    assert torch.equal(captured.lse, lse.reshape(BATCH, -1, 1))
    expected = dense(QUERY, KEY, mask=mask)
    torch.testing.assert_close(weights_of(captured), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    "shape", [(BATCH, KV_HEADS, GROUP, KEYS), (BATCH, KV_HEADS, 1, KEYS), (KEYS,)], ids=str
)
def test_a_bias_of_each_head_goes_with_it(shape):
    bias = torch.randn(shape)
    captured = with_heads_unpacked(owner(), make_captured(bias=bias))
    whole = bias.expand(BATCH, KV_HEADS, GROUP, KEYS).reshape(BATCH, -1, 1, KEYS)
    expected = dense(QUERY, KEY, mask=whole.double())
    torch.testing.assert_close(weights_of(captured), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    "module", [owner(tokens=GROUP), owner(heads=5), owner(heads=KV_HEADS)],
    ids=["several tokens", "another number of heads", "as many heads as the kernel saw"],
)  # fmt: skip
def test_queries_that_are_queries_stay(module):
    captured = make_captured()
    assert with_heads_unpacked(module, captured) is captured


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (torch.tensor([1, 0, 1, 1, 0, 1, 1]).bool(), "have a mask with holes"),
        (torch.ones(GROUP, KEYS).tril().bool(), "are masked as queries"),
    ],
)
def test_masks_that_cannot_be_those_of_heads_are_refused(mask, why):
    with pytest.raises(Unreadable, match=f"heads that were packed as queries {why}"):
        with_heads_unpacked(owner(), make_captured(mask=mask))
