"""What can be read and once was not: no refusal, and no reason that is not true."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import jvp

from clearhead.maps.recorder.record import record
from tests.maps.strangers import judge


def plus_zero(q, k, v):
    scores = q @ k.mT * 0.4
    hidden = torch.ones(scores.shape[-2:]).triu(1).bool()
    return (scores + 0).masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1) @ v


def zero_plus(q, k, v):
    rel = 0
    scores = rel + q @ k.mT
    return scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -1e9).softmax(-1) @ v


def minus_zero(q, k, v):
    return (q @ k.mT * 0.4 - 0.0).softmax(-1) @ v


def times_one(q, k, v):
    return (q @ k.mT * 1 / 1.0).softmax(-1) @ v


def negated_twice(q, k, v):
    return (-(-(q @ k.mT) * 0.4)).softmax(-1) @ v


def negated(q, k, v):
    return (-(q @ k.mT)).softmax(-1) @ v


def negated_by_function(q, k, v):
    return torch.softmax(torch.neg(torch.matmul(q, k.transpose(-1, -2))) / 3, dim=-1) @ v


def queries_written_before(q, k, v):
    q += 0.25
    k[..., 0] = 1.0
    return (q @ k.mT * 0.4).softmax(-1) @ v


def shifted_by_its_highest(q, k, v):
    scores = q @ k.mT
    return (scores - scores.max(-1, keepdim=True).values).softmax(-1) @ v


def shifted_by_its_highest_in_place(q, k, v):
    scores = q @ k.mT
    scores -= scores.detach().amax(-1, keepdim=True)
    return scores.softmax(-1) @ v


def shifted_by_a_constant(q, k, v):
    return (q @ k.mT * 0.4 - 5).softmax(-1) @ v


def exp_by_hand(q, k, v):
    scores = torch.exp(q @ k.mT * 0.4)
    return scores / scores.sum(-1, keepdim=True) @ v


def log_softmax(q, k, v):
    return (q @ k.mT * 0.4).log_softmax(-1).exp() @ v


def minus_logsumexp(q, k, v):
    scores = q @ k.mT * 0.4
    return (scores - scores.logsumexp(-1, keepdim=True)).exp() @ v


def exp_of_the_shifted_in_place(q, k, v):
    scores = q @ k.mT * 0.4
    scores.sub_(scores.amax(-1, keepdim=True)).exp_()
    return scores.div_(scores.sum(-1, keepdim=True)) @ v


def exp_times_a_mask(q, k, v):
    scores = (q @ k.mT * 0.4).exp() * torch.ones(q.shape[-2], k.shape[-2]).tril(1)
    return scores * (1 / (scores.sum(-1, keepdim=True) + 1e-12)) @ v


def exp_filled_with_zeros(q, k, v):
    scores = (q @ k.mT * 0.4).exp()
    scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), 0)
    return scores / scores.sum(-1, keepdim=True) @ v


def exp_of_the_masked(q, k, v):
    hidden = torch.ones(q.shape[-2], k.shape[-2]).triu(1).bool()
    scores = (q @ k.mT * 0.4).masked_fill(hidden, -1e9)
    scores = torch.exp(scores - scores.max(-1, keepdim=True).values)
    return torch.nn.functional.normalize(scores, p=1, dim=-1) @ v


def masked_by_index(q, k, v):
    scores = q @ k.mT * 0.4
    scores[..., torch.ones(scores.shape[-2:]).triu(1).bool()] = -torch.inf
    return scores.softmax(-1) @ v


def column_hidden(q, k, v):
    scores = q @ k.mT * 0.4
    scores[..., 1] = -1e9
    return scores.softmax(-1) @ v


def block_hidden(q, k, v):
    scores = q @ k.mT * 0.4
    scores[:, 1, 2:, :3] = -torch.inf
    scores[..., 0, :].masked_fill_(torch.arange(k.shape[-2]) > 1, -1e9)
    return scores.softmax(-1) @ v


def columns_hidden_by_number(q, k, v):
    scores = q @ k.mT * 0.4
    scores.index_fill_(-1, torch.tensor([0, 2]), -torch.inf)
    scores[:, torch.tensor([1, 3]), -1, 1] = -torch.inf
    return scores.softmax(-1) @ v


def bias_for_a_part(q, k, v):
    scores = q @ k.mT * 0.4
    scores[..., 1:, 1:] += torch.linspace(-1, 1, k.shape[-2] - 1)
    scores[..., 0] -= torch.linspace(0, 1, q.shape[-2])
    return scores.softmax(-1) @ v


def multiplied_by_its_mask(q, k, v):
    mask = torch.ones(q.shape[-2], k.shape[-2]).tril(1)
    scores = q @ k.mT * 0.4
    return (scores * mask + -1e4 * (1 - mask)).softmax(-1) @ v


def written_to_a_buffer(q, k, v):
    scores = q.new_zeros(*q.shape[:-1], k.shape[-2])
    scores[:] = q @ k.mT * 0.4
    return scores.softmax(-1) @ v


def two_products(q, k, v):
    return (q @ k.mT + 0.5 * q.flip(-1) @ k.mT).softmax(-1) @ v


READ = [
    plus_zero, zero_plus, minus_zero, times_one, negated, negated_twice, negated_by_function,
    queries_written_before, shifted_by_its_highest, shifted_by_its_highest_in_place,
    shifted_by_a_constant, exp_by_hand, log_softmax, minus_logsumexp, exp_of_the_shifted_in_place,
    exp_times_a_mask, exp_filled_with_zeros, exp_of_the_masked, masked_by_index, column_hidden,
    block_hidden, columns_hidden_by_number, bias_for_a_part, multiplied_by_its_mask,
    written_to_a_buffer, two_products,
]  # fmt: skip


@pytest.mark.parametrize("mode", judge.MODES)
@pytest.mark.parametrize("shape", ["batch 2, heads 4", "batch 1, heads 4"])
@pytest.mark.parametrize("form", READ, ids=lambda form: form.__name__)
def test_these_are_read(form, shape, mode):
    judge.judge(form, mode, shape)


def normalised_after_the_values(q, k, v):
    scores = torch.exp(q @ k.mT * 0.4)
    return (scores @ v) / scores.sum(-1, keepdim=True)


def mixed_before(q, k, v):
    mixture = nn.Parameter(torch.eye(q.shape[1], dtype=q.dtype) + 0.3)
    scores = torch.einsum("bhqk,hg->bgqk", q @ k.mT, mixture)
    return scores.softmax(-1) @ v


def online(q, k, v):
    """Keys in two halves, as flash attention's papers write it."""
    half = k.shape[-2] // 2
    top = sums = out = None
    for keys, values in (
        (k[..., :half, :], v[..., :half, :]),
        (k[..., half:, :], v[..., half:, :]),
    ):
        scores = q @ keys.mT * 0.4
        most = scores.amax(-1, keepdim=True)
        new = most if top is None else torch.maximum(top, most)
        weights = (scores - new).exp()
        shrink = 0 if top is None else (top - new).exp()
        sums = weights.sum(-1, keepdim=True) + (0 if sums is None else shrink * sums)
        out = weights @ values + (0 if out is None else shrink * out)
        top = new
    return out / sums


UNDERSTOOD_OR_NOT = [
    normalised_after_the_values, mixed_before, online,
]  # fmt: skip


@pytest.mark.parametrize("mode", judge.MODES)
@pytest.mark.parametrize("form", UNDERSTOOD_OR_NOT, ids=lambda form: form.__name__)
def test_these_are_right_or_refused_with_a_true_reason(form, mode):
    query, key, value = judge.factors(judge.SHAPES["batch 2, heads 4"])
    recording = judge.recorded(judge.Model(judge.Attention(form, 4)), mode, query, key, value)
    assert "attention" in recording, "silent"
    if recording.refusals:
        why = recording.refusals["attention"].why
        assert "written to" not in why
        assert "reading it failed" not in why
    else:
        judge.assert_read(recording, judge.weights_of(form, query, key, value))


@pytest.mark.parametrize(
    "form",
    [plus_zero, negated, shifted_by_its_highest, exp_by_hand, masked_by_index, two_products],
)
def test_forward_mode_derivatives_bring_no_refusal(form):
    query, key, value = judge.factors(judge.SHAPES["batch 2, heads 4"])
    model = judge.Model(judge.Attention(form, 4))
    with record(model) as recording:
        jvp(lambda q: model(q, key, value), (query,), (torch.ones_like(query),))
    judge.assert_read(recording, judge.weights_of(form, query, key, value))


SMALL = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 4, "intermediate_size": 48, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
LATENT = {
    **SMALL, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8,
    "v_head_dim": 8, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 1, "moe_intermediate_size": 16, "first_k_dense_replace": 1,
}  # fmt: skip
BERT = {key: value for key, value in SMALL.items() if key != "num_key_value_heads"}
STOCK = {
    "DeepseekV2": ("DeepseekV2Config", "DeepseekV2Model", LATENT),
    "DeepseekV3": ("DeepseekV3Config", "DeepseekV3Model", LATENT),
    "Deberta": ("DebertaConfig", "DebertaModel", BERT),
}


@pytest.mark.parametrize("mode", judge.MODES)
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("family", STOCK)
def test_stock_models_with_eager_attention(family, batch, mode):
    transformers = pytest.importorskip("transformers")
    configuration, name, settings = STOCK[family]
    if not hasattr(transformers, name):
        pytest.skip(f"this transformers has no {name}")
    torch.manual_seed(0)
    config = getattr(transformers, configuration)(**settings, attn_implementation="eager")
    model = getattr(transformers, name)(config).eval()
    ids = torch.randint(5, 64, (batch, 7))
    with judge.MODES[mode]():
        truth = model(ids, output_attentions=True).attentions
        with record(model) as recording:
            model(ids)
    assert not recording.refusals
    assert len(recording) == len(truth)
    for one, weights in zip(recording.values(), truth, strict=True):
        judge.assert_equal(one.dense(), weights.detach())


@pytest.mark.parametrize("mode", judge.MODES)
def test_windows_with_a_bias_per_head(mode):
    """As torchvision's MaxViT has them: [batch, windows, heads, queries, keys]."""
    batch, windows, heads, length, width = 2, 3, 4, 5, 8
    bias = torch.linspace(-1, 1, heads * length * length).view(1, heads, length, length)

    def form(q, k, v):
        weights = (torch.einsum("bwhid,bwhjd->bwhij", q, k) * 0.4 + bias).softmax(-1)
        return torch.einsum("bwhij,bwhjd->bwhid", weights, v)

    factors = torch.randn(3, batch, windows, heads, length, width).unbind(0)
    model = judge.Model(judge.Attention(form, heads))
    recording = judge.recorded(model, mode, *factors)
    judge.assert_read(recording, judge.weights_of(form, *factors).flatten(0, 1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("form", [exp_by_hand, log_softmax, minus_logsumexp, masked_by_index])
def test_in_half_precision(form, dtype):
    factors = [x.to(dtype) for x in judge.factors(judge.SHAPES["batch 2, heads 4"])]
    recording = judge.recorded(judge.Model(judge.Attention(form, 4)), "no_grad", *factors)
    judge.assert_read(recording, judge.weights_of(form, *factors))
