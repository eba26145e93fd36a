"""Attention that a model computes by itself, in the ways that models do."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from clearhead.errors import TraceError
from tests.maps.attending import Calls, dense, recorded

torch.manual_seed(0)
BATCH, HEADS, KV_HEADS, QUERIES, KEYS, WIDTH = 2, 4, 2, 5, 7, 8
Q = torch.randn(BATCH, HEADS, QUERIES, WIDTH)
K = torch.randn(BATCH, KV_HEADS, KEYS, WIDTH)
V = torch.randn(BATCH, KV_HEADS, KEYS, WIDTH)
REPEATED_K, REPEATED_V = K.repeat_interleave(2, 1), V.repeat_interleave(2, 1)
MASK = torch.rand(BATCH, 1, QUERIES, KEYS) > 0.3
MASK[..., 0] = True
SINKS = torch.randn(HEADS)
BIAS = torch.randn(1, HEADS, QUERIES, KEYS)
LOWEST = torch.finfo(torch.float32).min


def einsum():
    scores = torch.einsum("bhqd,bhkd->bhqk", Q, REPEATED_K).mul(0.3)
    weights = scores.masked_fill(~MASK, -1e9).softmax(-1)
    return torch.einsum("bhqk,bhkd->bhqd", weights, REPEATED_V)


def grouped_einsum():
    query = Q.unflatten(1, (KV_HEADS, 2)).permute(0, 3, 1, 2, 4)
    scores = torch.einsum("bqkgd,bksd->bkgqs", query, K) / 2
    return torch.einsum("bkgqs,bksd->bqkgd", scores.softmax(-1), V)


def softcapped():
    scores = Q @ REPEATED_K.mT / math.sqrt(WIDTH)
    scores = torch.tanh(scores / 5) * 5 + torch.where(MASK, 0, LOWEST)
    return scores.softmax(-1, dtype=torch.float32) @ REPEATED_V


def with_sinks():
    scores = Q @ REPEATED_K.mT * 0.2 + torch.where(MASK, 0, LOWEST)
    sinks = SINKS.reshape(1, -1, 1, 1).expand(BATCH, -1, QUERIES, -1)
    both = torch.cat([scores, sinks], -1)
    both = both - both.max(-1, keepdim=True).values
    return both.softmax(-1)[..., :-1] @ REPEATED_V


def keys_by_queries():
    return torch.softmax(REPEATED_K @ Q.mT, -2).mT @ REPEATED_V


def heads_after_queries():
    scores = torch.einsum("bhqd,bhkd->bqhk", Q, REPEATED_K)
    return torch.einsum("bqhk,bhkd->bqhd", scores.softmax(-1), REPEATED_V)


def in_place():
    scores = Q @ REPEATED_K.mT
    scores += torch.where(MASK, 0.0, -torch.inf)
    scores *= 0.5
    return scores.softmax(-1) @ REPEATED_V


def batched_with_bias():
    flat = torch.baddbmm(
        BIAS.expand(BATCH, -1, -1, -1).flatten(0, 1), Q.flatten(0, 1), REPEATED_K.flatten(0, 1).mT,
        alpha=0.3,
    )  # fmt: skip
    scores = flat.view(BATCH, HEADS, QUERIES, KEYS)
    return torch.where(MASK, scores, -torch.inf).softmax(-1) @ REPEATED_V


def scaled_by_head():
    scale = torch.tensor([0.5, 1.0, 1.5, 2.0]).reshape(-1, 1, 1)
    return (Q @ REPEATED_K.mT * scale).softmax(-1) @ REPEATED_V


READ = {
    einsum: dense(Q, K, scale=0.3, mask=MASK),
    grouped_einsum: dense(Q, K, scale=0.5),
    softcapped: dense(Q, K, softcap=5.0, mask=MASK),
    with_sinks: dense(Q, K, scale=0.2, mask=MASK, sinks=SINKS),
    keys_by_queries: dense(Q, K, scale=1.0),
    heads_after_queries: dense(Q, K, scale=1.0),
    in_place: dense(Q, K, scale=0.5, mask=MASK),
    batched_with_bias: dense(Q, K, scale=0.3, mask=torch.where(MASK, BIAS, -torch.inf)),
    scaled_by_head: dense(Q * torch.tensor([0.5, 1.0, 1.5, 2.0]).reshape(-1, 1, 1), K, scale=1.0),
}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("function", READ, ids=lambda function: function.__name__)
def test_what_models_write_is_read(function, mode):
    model = Calls(function)
    with mode():
        recording = recorded(model, model, values=True)
    one = recording[""]
    torch.testing.assert_close(one.dense().double(), READ[function], rtol=0, atol=3e-6)
    assert one.key.shape[1] == KV_HEADS, "repeated heads are kept once"
    assert torch.equal(one.value, V)


def test_a_softmax_that_a_mask_fills_whole_rows_of_is_the_models():
    mask = MASK.clone()
    mask[0, 0, 2] = False
    outputs = {}

    def attend():
        outputs["weights"] = (Q @ REPEATED_K.mT + torch.where(mask, 0, LOWEST)).softmax(-1)
        return outputs["weights"] @ REPEATED_V

    model = Calls(attend)
    one = recorded(model, model)[""]
    torch.testing.assert_close(one.dense(), outputs["weights"], rtol=0, atol=3e-6)
    assert one[0, 0, 2].max() == pytest.approx(1 / KEYS)


def test_dropout_is_named_and_the_weights_are_those_before_it():
    def attend():
        torch.manual_seed(0)
        return F.dropout((Q @ REPEATED_K.mT).softmax(-1), 0.25) @ REPEATED_V

    model = Calls(attend)
    one = recorded(model, model)[""]
    assert one.source.dropout == pytest.approx(0.25)
    assert "weights before dropout of 0.25" in one.source.notes
    torch.testing.assert_close(one.dense().double(), dense(Q, K, scale=1.0), rtol=0, atol=3e-6)


def test_weights_that_are_changed_after_the_softmax_are_refused():
    model = Calls(lambda: ((Q @ REPEATED_K.mT).softmax(-1) * MASK) @ REPEATED_V)
    with pytest.raises(TraceError, match=r"changed between softmax and values: .*aten.mul.Tensor"):
        recorded(model, model)[""]


UNREADABLE = {
    "went through aten.sigmoid": lambda: torch.sigmoid(Q @ REPEATED_K.mT) @ REPEATED_V,
    "without a softmax": lambda: (Q @ REPEATED_K.mT) @ REPEATED_V,
    "the exponentials of its scores went through aten.pow": lambda: (
        (s := torch.exp(Q @ REPEATED_K.mT) ** 2) / s.sum(-1, keepdim=True) @ REPEATED_V
    ),
    "before their exponentials were normalised": lambda: (
        ((s := torch.exp(Q @ REPEATED_K.mT)) @ REPEATED_V) / s.sum(-1, keepdim=True).square()
    ),
    "not reproduce the model's own weights": lambda: (
        (s := torch.exp(Q @ REPEATED_K.mT)) / (s.sum(-1, keepdim=True) + 1.0) @ REPEATED_V
    ),
    "a softmax was taken of the exponentials": lambda: (
        torch.exp(Q @ REPEATED_K.mT).softmax(-1) @ REPEATED_V
    ),
    "replaced by those of another tensor": lambda: (
        (s := Q @ REPEATED_K.mT)[..., :2].copy_(BIAS[..., :2]).sum(),
        s.softmax(-1) @ REPEATED_V,
    )[1],
    "not a product": lambda: (
        torch.tanh(Q[:, :, :, None] + REPEATED_K[:, :, None]).sum(-1).softmax(-1) @ REPEATED_V
    ),
    "too high to hide": lambda: (
        (Q @ REPEATED_K.mT).masked_fill(~MASK, -3.0).softmax(-1) @ REPEATED_V
    ),
    "capped after a mask": lambda: torch.tanh(Q @ REPEATED_K.mT + BIAS).softmax(-1) @ REPEATED_V,
    "multiplied by a matrix": lambda: (Q @ REPEATED_K.mT * BIAS).softmax(-1) @ REPEATED_V,
    "several products, which are not only added": lambda: (
        (Q @ REPEATED_K.mT * (Q @ REPEATED_V.mT)).softmax(-1) @ REPEATED_V
    ),
    "differ between queries": lambda: (
        torch.cat([Q @ REPEATED_K.mT, Q[..., :1]], -1).softmax(-1)[..., :-1] @ REPEATED_V
    ),
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_what_is_not_understood_is_refused_with_the_reason(why):
    model = Calls(UNREADABLE[why])
    recording = recorded(model, model)
    with pytest.raises(TraceError, match=why):
        recording[""]
    assert why in str(recording)


def test_a_reading_that_does_not_give_the_models_weights_is_refused(monkeypatch):
    from clearhead.maps.recorder.eager import _steps as score_steps
    from clearhead.maps.recorder.eager._nodes import Scaling

    monkeypatch.setitem(score_steps._STEPS, "mul", lambda *_: Scaling(0.1))
    model = Calls(lambda: (Q @ REPEATED_K.mT * 2.0).softmax(-1) @ REPEATED_V)
    with pytest.raises(TraceError, match="does not reproduce the model's own weights"):
        recorded(model, model)[""]


def test_projections_and_mixtures_of_experts_are_no_attention():
    expert = torch.nn.Parameter(torch.randn(HEADS, WIDTH, WIDTH))

    def run():
        hidden = torch.relu(torch.bmm(Q[0], expert))
        gate = (Q[0] @ expert[0]).softmax(-1)
        return torch.bmm(hidden, expert) * gate

    model = Calls(run)
    model.expert = expert
    assert recorded(model, model).keys() == []
