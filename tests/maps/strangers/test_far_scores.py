"""Rows whose scores all lie far from zero: hidden with finite numbers, or large by themselves."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from clearhead.maps import AttentionMap
from tests.maps.strangers.judge import (
    MODES,
    Attention,
    Model,
    assert_equal,
    difference,
    factors,
    recorded,
    unit_values,
)

LOWEST = torch.finfo(torch.float32).min
HIDDEN = [-1e4, -65504.0, -1e6, -1e9, -1e10, -1e30, LOWEST / 2, LOWEST]
BATCH, HEADS, QUERIES, KEYS, WIDTH = 2, 4, 6, 6, 8
Q, K, V = factors((BATCH, HEADS, QUERIES, KEYS, WIDTH))
SCALE = WIDTH**-0.5


def mask_of(hidden: float) -> Tensor:
    """Causal, with a row that may see nothing, and one of the batch with padding before it."""
    mask = torch.zeros(BATCH, 1, QUERIES, KEYS)
    mask.masked_fill_(torch.ones(QUERIES, KEYS).triu(1).bool(), hidden)
    mask[:, :, 3] = hidden
    mask[1, :, :, :2] = hidden
    return mask


def fused(mask):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def by_addition(mask):
    return lambda q, k, v: (q @ k.mT * SCALE + mask).softmax(-1) @ v


def added_in_place(mask):
    def form(q, k, v):
        scores = q @ k.mT
        scores *= SCALE
        scores += mask
        return torch.softmax(scores, -1) @ v

    return form


def by_masked_fill(mask):
    hidden = float(mask.min())
    return lambda q, k, v: (q @ k.mT * SCALE).masked_fill(mask < 0, hidden).softmax(-1) @ v


def by_where(mask):
    hidden = float(mask.min())

    def form(q, k, v):
        return torch.where(mask < 0, hidden, q @ k.mT * SCALE).softmax(-1) @ v

    return form


def merged(mask):
    flat = mask.expand(-1, HEADS, -1, -1).flatten(0, 1)

    def form(q, k, v):
        q, k, v = (x.flatten(0, 1) for x in (q, k, v))
        weights = torch.baddbmm(flat, q, k.mT, alpha=SCALE).softmax(-1)
        return torch.bmm(weights, v).unflatten(0, (BATCH, HEADS))

    return form


ADDITIONS = [fused, by_addition, added_in_place, merged]
REPLACEMENTS = [by_masked_fill, by_where]


def truth_of(make, mask: Tensor) -> Tensor:
    """A float64 softmax of the scores, which float32 rounds where the mask meets them."""
    scores = Q @ K.mT * SCALE
    if make in REPLACEMENTS:
        return scores.masked_fill(mask < 0, float(mask.min())).double().softmax(-1)
    return (scores + mask).double().softmax(-1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: f"{hidden:.0e}")
@pytest.mark.parametrize("make", [*ADDITIONS, *REPLACEMENTS], ids=lambda make: make.__name__)
def test_rows_hidden_with_a_finite_number(make, hidden, mode):
    mask = mask_of(hidden)
    one = recorded(Model(Attention(make(mask), HEADS)), mode, Q, K, V)["attention"]
    weights = one.dense()
    assert_equal(weights.sum(-1), torch.ones(BATCH, HEADS, QUERIES))
    assert_equal(weights, truth_of(make, mask))
    assert_equal(weights, make(mask)(Q, K, unit_values(V)), 3e-5)


def test_of_two_depths_the_less_hidden_keys_win():
    mask = torch.full((QUERIES, KEYS), -2e9)
    mask[:, 1::2] = -1e9
    one = recorded(Model(Attention(fused(mask))), "no_grad", Q, K, V)["attention"]
    assert_equal(one.dense(), (Q @ K.mT * SCALE + mask).double().softmax(-1))
    assert_equal(one.dense()[..., 1::2].sum(-1), torch.ones(BATCH, HEADS, QUERIES))


@pytest.mark.parametrize("hidden", [-1e9, -65504.0], ids=str)
@pytest.mark.parametrize("make", [fused, by_addition], ids=lambda make: make.__name__)
def test_all_that_is_asked_of_a_map_has_these_weights(make, hidden):
    mask = mask_of(hidden)
    truth = truth_of(make, mask)
    entropy = torch.special.entr(truth).sum(-1)
    model = Model(Attention(make(mask), HEADS))
    one = recorded(model, "no_grad", Q, K, V)["attention"]
    measures = one.measure("entropy", "received", "topk")
    assert_equal(measures["entropy"], entropy, 1e-4)
    assert_equal(measures["received"], truth.sum(-2), 1e-4)
    assert_equal(measures["topk"].values[..., :KEYS], truth.topk(KEYS).values, 1e-4)
    assert_equal(one[0, 0, 3], truth[0, 0, 3])
    assert_equal(one[..., 2:5, 1:3], truth[..., 2:5, 1:3])
    assert_equal(one.pooled(QUERIES, KEYS), truth, 1e-4)
    summary = recorded(model, "no_grad", Q, K, V, summaries=["entropy"])["attention"]
    assert_equal(summary.entropy(), entropy, 1e-4)


def test_a_map_that_is_made_of_tensors():
    mask = mask_of(-1e9)
    assert_equal(AttentionMap.of(Q, K, mask=mask).dense(), truth_of(fused, mask))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_rows_of_half_precision_are_the_kernel_s(dtype):
    """The lowest number of float16 does not swallow scores that are summed in float32."""
    mask = mask_of(torch.finfo(dtype).min).to(dtype)
    query, key, _ = (x.to(dtype) for x in (Q, K, V))
    unit = torch.eye(KEYS, dtype=dtype).expand(BATCH, HEADS, KEYS, KEYS).contiguous()
    model = Model(Attention(fused(mask)))
    one = recorded(model, "no_grad", query, key, unit)["attention"]
    assert_equal(one.dense().sum(-1), torch.ones(BATCH, HEADS, QUERIES), 1e-3)
    assert_equal(one.dense(), model(query, key, unit), 1e-2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("far", [4e3, -4e3, 4e4, 4e5, -4e5])
@pytest.mark.parametrize("explicit", [False, True], ids=["fused", "explicit"])
def test_rows_that_are_far_by_themselves(explicit, far, mode):
    """All scores of a row share a large part; float32 rounds them, and no more is lost."""
    query, key = Q.clone(), K.clone()
    query[..., 0] = math.sqrt(WIDTH)
    key[..., 0] = far
    form = by_addition(torch.zeros(())) if explicit else fused(None)
    truth = (query.double() @ key.double().mT * SCALE).softmax(-1)
    model = Model(Attention(form))
    weights = recorded(model, mode, query, key, V)["attention"].dense()
    own = difference(form(query, key, unit_values(V)), truth)
    assert_equal(weights.sum(-1), torch.ones(BATCH, HEADS, QUERIES))
    assert_equal(weights, truth, max(1e-5, 4 * own))


def test_a_bias_that_falls_steeply_with_distance():
    bias = -3e3 * (torch.arange(KEYS) - torch.arange(QUERIES)[:, None]).abs() - 1e5
    one = recorded(Model(Attention(fused(bias))), "no_grad", Q, K, V)["attention"]
    assert_equal(one.dense(), (Q @ K.mT * SCALE + bias).double().softmax(-1))


@pytest.mark.parametrize("mode", MODES)
def test_longt5_hides_padding_with_a_large_number(mode):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LongT5Config(
        vocab_size=64, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, local_radius=7,
    )  # fmt: skip
    model = transformers.LongT5EncoderModel(config).eval()
    ids = torch.randint(5, 64, (2, 24))
    padding = torch.ones_like(ids)
    padding[1, 9:] = 0
    with MODES[mode]():
        recording = recorded(model, mode, ids, padding)
    assert len(recording) == 2
    for name in recording:
        if name in recording.refusals:
            continue
        sums = recording[name].dense().sum(-1)
        assert_equal(sums, torch.ones_like(sums))
