"""Steps of a generation become one map, verified by the keys; other calls stay apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.errors import TraceError
from clearhead.maps.recorder.record import record
from tests.maps.attending import dense, recorded

torch.manual_seed(0)
Q, K, V = torch.randn(3, 2, 2, 9, 4)
CAUSAL = torch.ones(9, 9).tril().bool()


class Attend(nn.Module):
    def forward(self, query, key, value, mask=None):
        return sdpa(query, key, value, attn_mask=mask)


def generate(model, prompt, window=None, length=9, static=False):
    """Attends to a prompt, and then from token to token, as models with such caches do."""
    cache_k, cache_v = torch.zeros(2, 2, 2, 9, 4)
    steps = [slice(0, prompt), *(slice(i, i + 1) for i in range(prompt, length))]
    outputs = []
    for step in steps:
        cache_k[:, :, step], cache_v[:, :, step] = K[:, :, step], V[:, :, step]
        if static:
            keys = slice(0, 9)
        elif window and step.start:
            keys = slice(max(0, step.stop - window), step.stop)
        else:
            keys = slice(0, step.stop)
        mask = CAUSAL[step, keys]
        if window:
            mask = mask & ~torch.ones(9, 9).tril(-window).bool()[step, keys]
        outputs.append(model(Q[:, :, step], cache_k[:, :, keys], cache_v[:, :, keys], mask))
    return torch.cat(outputs, 2)


@pytest.mark.parametrize("prompt", [1, 2, 5])
@pytest.mark.parametrize(
    ("window", "static"),
    [(None, False), (3, False), (None, True)],
    ids=["full", "window", "static"],
)
def test_steps_with_a_cache_are_one_map(prompt, window, static):
    model = Attend()
    recording = recorded(model, lambda: generate(model, prompt, window, static=static), values=True)
    one = recording[""]
    mask = CAUSAL if window is None else CAUSAL & ~torch.ones(9, 9).tril(-window).bool()
    torch.testing.assert_close(one.dense().double(), dense(Q, K, mask=mask), rtol=0, atol=3e-6)
    assert torch.equal(one.key, K)
    assert torch.equal(one.value, V)
    assert f"{10 - prompt} steps with a cache, taken together" in one.source.notes
    assert one.scoring.mask.nbytes <= 2 * 4 * 4 * 9, "kept as ranges of keys"


def test_a_static_cache_is_cut_behind_its_last_token():
    model = Attend()
    one = recorded(model, lambda: generate(model, 3, length=6, static=True))[""]
    assert one.shape == (2, 2, 6, 6)


def test_a_relative_bias_over_steps_is_one_by_distance():
    from clearhead.maps.scores.bias import ToeplitzBias

    bias = torch.randn(2, 17)[:, torch.arange(9)[None] - torch.arange(9)[:, None] + 8]

    class Biased(nn.Module):
        def forward(self, step):
            mask = bias[None, :, step, : step.stop].masked_fill(
                ~CAUSAL[step, : step.stop], -torch.inf
            )
            key, value = K[:, :, : step.stop], V[:, :, : step.stop]
            return sdpa(Q[:, :, step], key, value, attn_mask=mask)

    model = Biased()
    steps = [slice(0, 4), *(slice(i, i + 1) for i in range(4, 9))]
    one = recorded(model, lambda: [model(step) for step in steps])[""]
    expected = dense(Q, K, mask=bias.masked_fill(~CAUSAL, -torch.inf))
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)
    assert isinstance(one.scoring.bias, ToeplitzBias)


def test_rows_that_continue_other_rows_are_followed():
    model = Attend()
    value = torch.cat([V[[1, 1], :, :3], V[:, :, 3:4]], 2)

    def run():
        first = model(Q[:, :, :3], K[:, :, :3], V[:, :, :3], CAUSAL[:3, :3])
        key = torch.cat([K[[1, 1], :, :3], K[:, :, 3:4]], 2)
        return first, model(Q[:, :, 3:4], key, value)

    one = recorded(model, run, values=True)[""]
    query, key = (torch.cat([x[[1, 1], :, :3], x[:, :, 3:4]], 2) for x in (Q, K))
    expected = dense(query, key, mask=CAUSAL[:4, :4])
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)
    assert torch.equal(one.value, value)
    assert "the rows are beams, each with its ancestors" in one.source.notes


def test_keys_that_were_cut_back_are_another_text_unless_tokens_were_drafted(monkeypatch):
    """The cache is cut back to three tokens, and goes on with a fourth that is another one."""
    from clearhead.maps.recorder import collector

    model = Attend()
    order = [0, 1, 2, 6]

    def run():
        first = model(Q[:, :, :5], K[:, :, :5], V[:, :, :5], CAUSAL[:5, :5])
        return first, model(Q[:, :, 6:7], K[:, :, order], V[:, :, order])

    recording = recorded(model, run)
    with pytest.raises(TraceError, match=r"keys of '' were cut back .* another text.*calls\("):
        recording[""]
    assert [one.shape[2:] for one in recording.calls("")] == [(5, 5), (1, 4)]
    monkeypatch.setattr(collector, "is_drafting", lambda: True)
    one = recorded(model, run, values=True)[""]
    expected = dense(Q[:, :, order], K[:, :, order], mask=CAUSAL[:4, :4])
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)
    assert torch.equal(one.value, V[:, :, order])
    assert "2 tokens that were drafted and rejected left out" in one.source.notes


def test_queries_that_saw_what_is_cut_back_are_not_continued(monkeypatch):
    """Without a causal mask the queries that stay have attended to the keys that go."""
    from clearhead.maps.recorder import collector

    monkeypatch.setattr(collector, "is_drafting", lambda: True)
    model, order = Attend(), [0, 1, 2, 6]
    with record(model) as recording:
        model(Q[:, :, :5], K[:, :, :5], V[:, :, :5])
        model(Q[:, :, 6:7], K[:, :, order], V[:, :, order])
    assert len(recording.calls("")) == 2


@pytest.mark.parametrize(
    "second",
    [
        pytest.param((slice(0, 4), 4), id="the same tokens and one more, without a cache"),
        pytest.param((slice(0, 3), 3), id="the same again"),
        pytest.param((slice(3, 4), 5), id="one query, two new keys"),
    ],
)
def test_calls_that_do_not_go_on_are_kept_apart(second):
    model = Attend()
    step, keys = second
    with record(model) as recording:
        model(Q[:, :, :3], K[:, :, :3], V[:, :, :3], CAUSAL[:3, :3])
        model(Q[:, :, step], K[:, :, :keys], V[:, :, :keys])
    with pytest.raises(TraceError, match="was called 2 times"):
        recording[""]


def test_keys_that_changed_after_they_were_seen_are_another_call():
    model, key = Attend(), K[:, :, :3].clone()
    with record(model) as recording:
        model(Q[:, :, :3], key, key, CAUSAL[:3, :3])
        model(
            Q[:, :, 3:4],
            torch.cat([key * torch.tensor([1.0, 1, 2, 1]), K[:, :, 3:4]], 2),
            K[:, :, :4],
        )
    assert len(recording.calls("")) == 2


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.own, self.cross = Own(), Cross()

    def forward(self, step, memory):
        return self.own(step), self.cross(Q[:, :, step], memory)


class Own(nn.Module):
    def forward(self, step):
        key = K[:, :, : step.stop].clone()
        return sdpa(Q[:, :, step], key, key, attn_mask=CAUSAL[step, : step.stop])


class Cross(nn.Module):
    def forward(self, query, memory):
        return sdpa(query, memory, memory)


def test_cross_attention_goes_on_where_the_self_attention_before_it_does():
    model, memory = Decoder(), torch.randn(2, 2, 5, 4)
    steps = [slice(0, 2), slice(2, 3), slice(3, 4)]
    with record(model) as recording:
        for step in steps:
            model(step, memory)
    assert recording["cross"].source.kind == "cross"
    assert recording["cross"].shape == (2, 2, 4, 5)
    with record(model) as recording:
        model(steps[0], memory)
        model(steps[0], memory)
    assert len(recording.calls("own")) == len(recording.calls("cross")) == 2


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_a_generation_of_a_llama(attention, cache):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, pad_token_id=0,
        attn_implementation=attention,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).eval()
    ids = torch.tensor([[0, 0, 7, 8], [5, 6, 7, 8]])
    mask = (ids != 0).long()

    def run():
        return model.generate(
            ids, attention_mask=mask, max_new_tokens=4, min_new_tokens=4, do_sample=False,
            cache_implementation=cache if cache == "static" else None,
        )  # fmt: skip

    recording = recorded(model, run)
    tokens = run()[:, :-1]
    model.set_attn_implementation("eager")
    whole = torch.cat([mask, torch.ones(2, 3).long()], 1)
    with torch.no_grad():
        truth = model(tokens, attention_mask=whole, output_attentions=True).attentions
    for name, weights in zip(recording, truth, strict=True):
        assert recording[name].key.shape[1] == 2
        recorded_weights = recording[name].dense()
        torch.testing.assert_close(recorded_weights[1], weights[1], rtol=0, atol=1e-5)
        torch.testing.assert_close(recorded_weights[0, :, 2:], weights[0, :, 2:], rtol=0, atol=1e-5)


def test_a_t5_keeps_encoder_decoder_and_cross_attention_apart():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=50, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=4,
        decoder_start_token_id=0, attn_implementation="sdpa",
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config).eval()
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 1, 0]])

    def run():
        return model.generate(
            ids, attention_mask=(ids != 0).long(), max_new_tokens=4, min_new_tokens=4,
            do_sample=False,
        )  # fmt: skip

    recording = recorded(model, run)
    tokens = run()[:, :-1]
    model.set_attn_implementation("eager")
    with torch.no_grad():
        truth = model(
            input_ids=ids, attention_mask=(ids != 0).long(), decoder_input_ids=tokens,
            output_attentions=True,
        )  # fmt: skip
    expected = [
        ("encoder.block.0.layer.0.SelfAttention", truth.encoder_attentions[0]),
        ("decoder.block.0.layer.0.SelfAttention", truth.decoder_attentions[0]),
        ("decoder.block.0.layer.1.EncDecAttention", truth.cross_attentions[0]),
    ]
    assert recording.keys() == [name for name, _ in expected]
    for name, weights in expected:
        torch.testing.assert_close(recording[name].dense(), weights, rtol=0, atol=1e-5)
    assert recording[2].source.kind == "cross"
