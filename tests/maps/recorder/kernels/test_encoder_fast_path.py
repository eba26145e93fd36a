"""torch.nn's own layers, in training and on the opaque fast path of evaluation."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from tests.maps.attending import recorded

torch.manual_seed(0)
X = torch.randn(2, 4, 8)
PADDING = torch.tensor([[False, False, False, True], [False] * 4])
CAUSAL = nn.Transformer.generate_square_subsequent_mask(4)


def attention(**options):
    torch.manual_seed(1)
    return nn.MultiheadAttention(8, 2, **options)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "masks",
    [{}, {"key_padding_mask": PADDING}, {"attn_mask": CAUSAL}],
    ids=["", "padding", "causal"],
)
def test_multi_head_attention(need_weights, mode, training, masks):
    layer = attention(batch_first=True).train(training)
    truth = layer(X, X, X, average_attn_weights=False, **masks)[1].detach()
    with mode():
        recording = recorded(layer, lambda: layer(X, X, X, need_weights=need_weights, **masks))
    assert recording[""].source.kind == "self"
    torch.testing.assert_close(recording[""].dense(), truth, rtol=0, atol=3e-6)


@pytest.mark.parametrize("need_weights", [True, False])
def test_keys_of_other_widths_and_added_keys(need_weights):
    layer = attention(kdim=5, vdim=6, add_bias_kv=True, add_zero_attn=True)
    query, key, value = torch.randn(4, 2, 8), torch.randn(5, 2, 5), torch.randn(5, 2, 6)
    truth = layer(query, key, value, average_attn_weights=False)[1]
    one = recorded(layer, lambda: layer(query, key, value, need_weights=need_weights))[""]
    assert one.shape == (2, 2, 4, 7)
    assert one.source.kind == "cross"
    torch.testing.assert_close(one.dense(), truth, rtol=0, atol=3e-6)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize(
    "masks",
    [{}, {"src_key_padding_mask": PADDING}, {"mask": CAUSAL}],
    ids=["", "padding", "causal"],
)
@pytest.mark.parametrize("fast", [True, False])
def test_encoder(norm_first, masks, fast):
    torch.manual_seed(1)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoder = nn.TransformerEncoder(layer, 2).eval()
        with torch.set_grad_enabled(not fast):
            recording = recorded(encoder, lambda: encoder(X, **masks))
    assert recording.keys() == ["layers.0.self_attn", "layers.1.self_attn"]
    first = encoder.layers[0]
    x = first.norm1(X) if norm_first else X
    truth = first.self_attn(
        x,
        x,
        x,
        attn_mask=masks.get("mask"),
        key_padding_mask=masks.get("src_key_padding_mask"),
        average_attn_weights=False,
    )[1].detach()
    weights = recording[0].dense()
    tokens = ~PADDING if "src_key_padding_mask" in masks else torch.ones(2, 4, dtype=torch.bool)
    at = tokens[:, None, :, None].expand_as(truth)
    torch.testing.assert_close(weights[at], truth[at], rtol=0, atol=3e-6)
    assert ("fast path" in recording[0].source.kernel) == fast


def test_a_transformer_in_training_with_a_backward_pass():
    torch.manual_seed(1)
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.3, batch_first=True).train()

    def run():
        torch.manual_seed(2)
        model.zero_grad()
        output = model(X, X[:, :3])
        output.sum().backward()
        return output, [p.grad.clone() for p in model.parameters()]

    recording = recorded(model, run)
    kinds = {name: one.source.kind for name, one in recording.items()}
    assert kinds == {
        "encoder.layers.0.self_attn": "self",
        "decoder.layers.0.self_attn": "self",
        "decoder.layers.0.multihead_attn": "cross",
    }
    assert all(one.source.dropout == pytest.approx(0.3) for one in recording.values())
    assert not recording.refusals
