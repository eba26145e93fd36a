"""Weights that are changed between the softmax and the values."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.maps.strangers.judge import (
    MODES,
    SHAPES,
    Attention,
    Model,
    difference,
    judge,
    recorded,
    weights_of,
)
from tests.maps.strangers.judge import factors as factors_of

MIXTURE = torch.randn(4, 4, generator=torch.Generator().manual_seed(3)).softmax(-1)


def softmax(q, k):
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)


def lower(weights):
    return torch.ones(weights.shape[-2:]).tril().bool()


def mixture(q):
    """Of heads, whose number a module's parameter has."""
    heads = q.shape[1]
    return torch.nn.Parameter(MIXTURE[:heads, :heads].to(q.dtype).clone())


def masked_fill(a):
    return a.masked_fill(~lower(a), 0.0)


def masked_fill_in_place(a):
    return a.masked_fill_(~lower(a), 0.0)


def where(a):
    return torch.where(lower(a), a, 0.0)


def mul(a):
    return a * lower(a)


def mul_in_place(a):
    return a.mul_(lower(a))


def mul_div_in_place(a):
    a.mul_(lower(a))
    return a.div_(a.sum(-1, True))


def renormalised(a):
    a = a * lower(a)
    return a / a.sum(-1, keepdim=True)


def normalised_by_function(a):
    return F.normalize(a * lower(a), p=1, dim=-1)


def index_assigned(a):
    a[..., 0] = 0
    return a


def column_scaled(a):
    a[..., 1].mul_(3.0)
    return a


def row_filled(a):
    a[:, :, 2].fill_(0.25)
    return a


def view_zeroed(a):
    a.view(-1, a.shape[-1])[: a.shape[-2] // 2].zero_()
    return a


def data_written(a):
    a.data.mul_(lower(a))
    return a


def one_row_of_many(a):
    a[-1, -1, -1, 0] += 0.5
    return a


def copied_over(a):
    return a.copy_(a.flip(-1))


def tril(a):
    return a.tril()


def rolled(a):
    return a.roll(1, -1)


def flipped(a):
    return a.flip(-1)


def indexed(a):
    return a[..., torch.arange(a.shape[-1] - 1, -1, -1)]


def powered(a):
    return a.pow(2)


def top_two(a):
    values, places = a.topk(2, -1)
    return torch.zeros_like(a).scatter(-1, places, values)


def clamped(a):
    return a.clamp(max=0.3)


def dropped_by_hand(a):
    generator = torch.Generator().manual_seed(1)
    return a * (torch.rand(a.shape, generator=generator) > 0.3) / 0.7


def minus_mean(a):
    return a - a.mean(-1, keepdim=True)


def sharpened_again(a):
    return (4 * a).softmax(-1)


def added_identity(a):
    return 0.5 * a + 0.5 * torch.eye(a.shape[-2], a.shape[-1])


def gated_with_places(a):
    """ConViT: a second softmax, of places alone, has a share in the weights."""
    places = -(torch.arange(a.shape[-1]) - torch.arange(a.shape[-2])[:, None]).abs().to(a.dtype)
    mixed = 0.3 * a + 0.7 * places.softmax(-1)
    mixed /= mixed.sum(-1).unsqueeze(-1)
    return mixed


def mean_over_heads(a):
    return a.mean(1, keepdim=True).expand(a.shape)


def mean_over_heads_kept(a):
    return a.mean(1, keepdim=True).expand(a.shape).contiguous()


def first_head_for_all(a):
    return a[:, :1].expand(a.shape)


def batch_swapped(a):
    return a.flip(0)


def talking_by_einsum(a):
    return torch.einsum("bhqk,hg->bgqk", a, mixture(a))


def talking_by_linear(a):
    return F.linear(a.permute(0, 2, 3, 1), mixture(a)).permute(0, 3, 1, 2)


def talking_by_convolution(a):
    return F.conv2d(a, mixture(a)[..., None, None])


def talking_by_matmul(a):
    return (mixture(a) @ a.flatten(2)).view_as(a)


CHANGED = [
    masked_fill, masked_fill_in_place, where, mul, mul_in_place, mul_div_in_place, renormalised,
    normalised_by_function, index_assigned, column_scaled, row_filled, view_zeroed, data_written,
    one_row_of_many, copied_over, tril, rolled, flipped, indexed, powered, top_two, clamped,
    dropped_by_hand, minus_mean, sharpened_again, added_identity, gated_with_places,
    mean_over_heads, mean_over_heads_kept, first_head_for_all, batch_swapped,
    talking_by_einsum, talking_by_linear, talking_by_convolution, talking_by_matmul,
]  # fmt: skip


def form_of(change):
    return lambda q, k, v: change(softmax(q, k)) @ v


def merged_form_of(change):
    """The same with batch and heads in one axis, and torch.bmm."""

    def form(q, k, v):
        weights = softmax(q.flatten(0, 1), k.flatten(0, 1)).unflatten(0, q.shape[:2])
        return torch.bmm(change(weights).flatten(0, 1), v.flatten(0, 1)).unflatten(0, q.shape[:2])

    return form


@pytest.mark.parametrize("change", CHANGED, ids=lambda change: change.__name__)
def test_the_changes_matter(change):
    query, key, value = factors_of(SHAPES["batch 2, heads 4"])
    changed = weights_of(form_of(change), query, key, value)
    plain = weights_of(form_of(lambda a: a), query, key, value)
    assert (changed - plain).abs().max() > 0.05


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", CHANGED, ids=lambda change: change.__name__)
def test_changed_weights_are_shown_as_they_met_the_values_or_refused(change, mode):
    judge(form_of(change), mode, read=False)


@pytest.mark.parametrize("shape", ["batch 4, heads 4", "batch 1, heads 4"])
@pytest.mark.parametrize("change", CHANGED, ids=lambda change: change.__name__)
def test_in_other_shapes_and_with_batch_and_heads_in_one_axis(change, shape):
    judge(merged_form_of(change), "no_grad", shape, read=False)


def into_half_and_back(a):
    return a.double().to(a.dtype)


def clone(a):
    return a.clone(memory_format=torch.contiguous_format)


def turned_twice(a):
    return a.mT.contiguous().mT


def cut_and_joined(a):
    return torch.cat(a.chunk(2, 1), 1)


def reshaped(a):
    return a.flatten(0, 1).unsqueeze(2).squeeze(2).view_as(a)


def without_dropout(a):
    return F.dropout(a, 0.5, training=False)


UNCHANGED = [into_half_and_back, clone, turned_twice, reshaped, without_dropout]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", UNCHANGED, ids=lambda change: change.__name__)
def test_weights_that_are_only_moved_are_read(change, mode):
    judge(form_of(change), mode)


@pytest.mark.parametrize("mode", MODES)
def test_weights_that_are_cut_and_joined_are_never_wrong(mode):
    judge(form_of(cut_and_joined), mode, read=False)


@pytest.mark.parametrize("mode", MODES)
def test_weights_that_are_written_once_the_values_were_met_are_read(mode):
    def form(q, k, v):
        weights = softmax(q, k)
        out = weights @ v
        weights.zero_()
        return out

    judge(form, mode)


@pytest.mark.parametrize("mode", MODES)
def test_two_uses_of_the_same_weights(mode):
    """Values are met by the weights and by a change of them; a map of either must say so."""

    def form(q, k, v):
        weights = softmax(q, k)
        return 0.5 * (weights @ v) + 0.5 * (weights.tril() @ v)

    query, key, value = factors_of(SHAPES["batch 2, heads 4"])
    recording = recorded(Model(Attention(form)), mode, query, key, value)
    truths = [weights_of(form_of(change), query, key, value) for change in (lambda a: a, tril)]
    assert "attention" in recording
    if "attention" not in recording.refusals:
        for one in recording.calls("attention"):
            assert min(difference(one.dense(), truth) for truth in truths) < 1e-5
