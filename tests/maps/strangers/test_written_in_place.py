"""Queries, keys, scores and masks that a model writes to while it attends: all are read."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.maps.strangers.judge import (
    MODES,
    SHAPES,
    Attention,
    Model,
    assert_equal,
    assert_read,
    factors,
    judge,
    recorded,
    weights_of,
)

SCALE = 0.3


def queries_zeroed_after_the_softmax(q, k, v):
    weights = (q @ k.mT).softmax(-1)
    q.zero_()
    return weights @ v


def keys_zeroed_before_the_softmax(q, k, v):
    scores = q @ k.mT
    k.zero_()
    return scores.softmax(-1) @ v


def queries_zeroed_before_the_softmax(q, k, v):
    scores = q @ k.mT * SCALE
    q.zero_()
    return scores.softmax(-1) @ v


def both_overwritten_after_a_batched_product(q, k, v):
    batch = q.shape[:2]
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    weights = torch.bmm(q, k.mT).softmax(-1)
    q.copy_(q.flip(-1))
    k.mul_(-1)
    return torch.bmm(weights, v).unflatten(0, batch)


def one_row_written(q, k, v):
    scores = q @ k.mT
    q[0, 0, 1] = 0
    return scores.softmax(-1) @ v


def one_number_written(q, k, v):
    scores = q @ k.mT
    k[-1, -1, -1, -1] += 9
    return scores.softmax(-1) @ v


def written_through_a_view(q, k, v):
    both = torch.stack([q.transpose(-1, -2), q.transpose(-1, -2)])
    query = both[0].transpose(-1, -2)
    scores = query @ k.mT
    both.zero_()
    return scores.softmax(-1) @ v


def written_past_autograd(q, k, v):
    scores = q @ k.mT
    q.data.zero_()
    return scores.softmax(-1) @ v


def scaled_in_place(q, k, v):
    q.mul_(q.shape[-1] ** -0.5)
    return (q @ k.mT).softmax(-1) @ v


def scaled_in_place_and_back(q, k, v):
    q *= SCALE
    weights = (q @ k.mT).softmax(-1)
    q /= SCALE
    return weights @ v


def written_before_by_halves(q, k, v):
    half = q.shape[-1] // 2
    for x in (q, k):
        first = x[..., :half].clone()
        angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] / 3
        x[..., :half] = first * angle.cos() - x[..., half:] * angle.sin()
        x[..., half:] = x[..., half:] * angle.cos() + first * angle.sin()
    return (q @ k.mT * SCALE).softmax(-1) @ v


def scores_scaled_and_shifted(q, k, v):
    scores = q @ k.mT
    scores.mul_(SCALE)
    scores += torch.ones(scores.shape[-2:], dtype=q.dtype).triu(1) * -1e4
    scores -= scores.amax(-1, keepdim=True)
    return scores.softmax(-1) @ v


def mask_written_before_the_softmax(q, k, v):
    mask = torch.zeros(q.shape[-2], k.shape[-2], dtype=q.dtype)
    mask[:, 1:3] = -torch.inf
    scores = q @ k.mT + mask
    mask.fill_(0)
    return scores.softmax(-1) @ v


def mask_written_after_the_softmax(q, k, v):
    hidden = torch.zeros(q.shape[-2], k.shape[-2], dtype=torch.bool)
    hidden[:, 2] = True
    weights = (q @ k.mT).masked_fill(hidden, -torch.inf).softmax(-1)
    hidden.logical_not_()
    return weights @ v


def bias_written_after_the_sum(q, k, v):
    bias = torch.linspace(-2, 2, k.shape[-2], dtype=q.dtype).expand(q.shape[1], 1, -1).clone()
    scores = q @ k.mT * SCALE + bias
    bias.neg_()
    return scores.softmax(-1) @ v


def scale_written_after_the_product(q, k, v):
    scale = torch.tensor(SCALE, dtype=q.dtype)
    scores = q @ k.mT * scale
    scale.fill_(7)
    return scores.softmax(-1) @ v


def scores_written_after_the_softmax(q, k, v):
    scores = q @ k.mT
    weights = scores.softmax(-1)
    scores.zero_()
    return weights @ v


def values_written_at_the_end(q, k, v):
    out = (q @ k.mT).softmax(-1) @ v
    v.zero_()
    return out


def all_written_after_a_fused_kernel(q, k, v):
    mask = torch.zeros(q.shape[-2], k.shape[-2], dtype=q.dtype)
    mask[:, 1] = -torch.inf
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    for x in (q, k, v, mask):
        x.zero_()
    return out


def fused_with_a_mask_written_after(q, k, v):
    visible = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool)
    visible[1:, 0] = False
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    visible.fill_(True)
    return out


def fused_in_place_scale(q, k, v):
    q.mul_(2)
    k[..., 0] = 0.5
    return F.scaled_dot_product_attention(q, k, v, scale=0.2)


FORMS = [
    queries_zeroed_after_the_softmax, keys_zeroed_before_the_softmax,
    queries_zeroed_before_the_softmax, both_overwritten_after_a_batched_product, one_row_written,
    one_number_written, written_through_a_view, scaled_in_place, scaled_in_place_and_back,
    written_before_by_halves, scores_scaled_and_shifted,
    mask_written_before_the_softmax, mask_written_after_the_softmax, bias_written_after_the_sum,
    scale_written_after_the_product, scores_written_after_the_softmax, values_written_at_the_end,
    all_written_after_a_fused_kernel, fused_with_a_mask_written_after, fused_in_place_scale,
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_what_is_written_is_read_as_it_was_when_it_counted(form, shape, mode):
    judge(form, mode, shape)


@pytest.mark.parametrize("mode", MODES)
def test_what_no_version_counter_counts_is_read_or_refused(mode):
    judge(written_past_autograd, mode, read=False)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", [0, 57, 199])
def test_one_row_of_two_hundred(row, mode):
    def form(q, k, v):
        scores = q @ k.mT
        q[:, :, row] = 0
        return scores.softmax(-1) @ v

    query, key, value = factors((1, 2, 200, 200, 8))
    recording = recorded(Model(Attention(form)), mode, query, key, value)
    assert_read(recording, weights_of(form, query, key, value))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("explicit", [False, True], ids=["fused", "explicit"])
@pytest.mark.parametrize("boolean", [False, True], ids=["numbers", "boolean"])
def test_a_mask_that_is_written_between_two_calls(boolean, explicit, mode):
    query, key, value = factors((2, 4, 5, 5, 8))
    before = torch.ones(5, 5).tril().bool()
    masks = [before, before.flip(0)]

    def plain(mask):
        def form(q, k, v):
            numbers = torch.where(mask, 0.0, -torch.inf).to(q.dtype)
            return (q @ k.mT * 8**-0.5 + numbers).softmax(-1) @ v

        return form

    term = masks[0].clone() if boolean else torch.where(masks[0], 0.0, -torch.inf)

    def attend(q, k, v):
        if not explicit:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=term)
        scores = q @ k.mT * 8**-0.5
        scores = scores.masked_fill(~term, -torch.inf) if boolean else scores + term
        return scores.softmax(-1) @ v

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = Attention(attend)

        def forward(self, q, k, v):
            outs = []
            for mask in masks:
                term.copy_(mask if boolean else torch.where(mask, 0.0, -torch.inf))
                outs.append(self.attention(q, k, v))
            return outs

    recording = recorded(Twice(), mode, query, key, value)
    maps = recording.calls("attention")
    assert len(maps) == 2
    for one, mask in zip(maps, masks, strict=True):
        assert_equal(one.dense(), weights_of(plain(mask), query, key, value))


@pytest.mark.parametrize("mode", MODES)
def test_a_residual_in_place_and_values_met_without_a_product(mode):
    def form(q, k, v):
        weights = (q @ k.mT).softmax(-1)
        out = (weights[..., None] * v[:, :, None]).sum(-2)
        if out.shape == q.shape:
            q.add_(out)
        return out

    judge(form, mode, "batch 4, heads 4", read=False)
