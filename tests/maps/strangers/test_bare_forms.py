"""Attention without a batch or heads, or with axes in an order of its own, as lessons have it."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.maps.strangers.judge import MODES, Attention, Model, assert_equal, factors, recorded

QUERY, KEY, VALUE = (x[0, 0] for x in factors((1, 1, 6, 6, 8)))
WEIGHTS = (QUERY.double() @ KEY.double().T * 0.4).softmax(-1)


def matrices(q, k, v):
    return (q @ k.T * 0.4).softmax(-1) @ v


def softmax_over_rows(q, k, v):
    return (k @ q.T * 0.4).softmax(0).T @ v


def einsum(q, k, v):
    return torch.einsum("ij,jd->id", torch.einsum("id,jd->ij", q, k).mul(0.4).softmax(-1), v)


def onto_a_residual(q, k, v):
    return torch.addmm(v, (q @ k.T * 0.4).softmax(-1), v)


def onto_a_residual_of_three_axes(q, k, v):
    weights = (q[None] @ k[None].mT * 0.4).softmax(-1)
    return torch.baddbmm(v[None], weights, v[None])


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=0.4)


BARE_FORMS = [
    matrices,
    softmax_over_rows,
    einsum,
    onto_a_residual,
    onto_a_residual_of_three_axes,
    fused,
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", BARE_FORMS, ids=lambda form: form.__name__)
def test_one_text_and_one_head(form, mode):
    recording = recorded(Model(Attention(form)), mode, QUERY, KEY, VALUE)
    assert not recording.refusals
    assert_equal(recording["attention"].dense(), WEIGHTS[None, None])


def heads_before_the_batch(q, k, v):
    q, k, v = (x.permute(2, 0, 1, 3) for x in (q, k, v))  # [length, batch, heads, width]
    weights = torch.einsum("ibhd,jbhd->hbij", q, k).mul(0.4).softmax(-1)
    return torch.einsum("hbij,jbhd->bhid", weights, v)


@pytest.mark.parametrize("mode", MODES)
def test_scores_with_the_heads_before_the_batch(mode):
    query, key, value = factors((2, 4, 6, 6, 8))
    truth = (query.double() @ key.double().mT * 0.4).softmax(-1)
    one = recorded(Model(Attention(heads_before_the_batch, 4)), mode, query, key, value)
    assert_equal(one["attention"].dense(), truth)
    unsure = recorded(Model(Attention(heads_before_the_batch)), mode, query, key, value)
    assert "could not be told apart" in unsure["attention"].source.notes[0]
    assert_equal(unsure["attention"].dense()[:, 0], truth.transpose(0, 1).flatten(0, 1))
