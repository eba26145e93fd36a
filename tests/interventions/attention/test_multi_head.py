"""PyTorch's own layers, with and without weights asked for, and with their fast path."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clearhead.interventions.intervene import intervene
from clearhead.maps.recorder.record import record

X = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
PADDING = torch.zeros(3, 7, dtype=torch.bool)
PADDING[1, 5:] = True


def by_hand(layer, x):
    """Self-attention without head 1, an edge of head 2, and with a weight of 0 in head 0."""
    q, k, v = (
        t.unflatten(-1, (4, 4)).transpose(1, 2)
        for t in F.linear(x, layer.in_proj_weight, layer.in_proj_bias).chunk(3, -1)
    )
    scores = (q @ k.mT / 2).masked_fill(PADDING[:, None, None], -torch.inf)
    scores[:, 2, 4, 1] = -torch.inf
    weights = scores.softmax(-1)
    weights[:, 0, 3, 2] = 0
    y = weights @ v
    y[:, 1] = 0
    return layer.out_proj(y.transpose(1, 2).flatten(2))


def ask(part):
    part.head(1).zero()
    part.head(2).edge(4, 1).remove()
    part.head(0).edge(3, 2).zero()


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention(batch_first, need_weights):
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(16, 4, batch_first=batch_first).double().eval()
    x = X if batch_first else X.transpose(0, 1)
    with torch.no_grad(), intervene(layer) as edits:
        ask(edits[""])
        output = layer(x, x, x, key_padding_mask=PADDING, need_weights=need_weights)[0]
        output = output if batch_first else output.transpose(0, 1)
        torch.testing.assert_close(output, by_hand(layer, X))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_an_encoder_that_would_take_its_fast_path():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2).double().eval()
    with torch.no_grad():
        plain = encoder(X, src_key_padding_mask=PADDING)
        with intervene(encoder) as edits:
            ask(edits["layers.0.self_attn"])
            edits["layers.1"].output.at(2).scale(3.0)
            output = encoder(X, src_key_padding_mask=PADDING)
        first, second = encoder.layers
        y = first.norm1(X + by_hand(first.self_attn, X))
        y = first.norm2(y + first.linear2(first.linear1(y).relu()))
        y = second(y, src_key_padding_mask=PADDING)
        y[:, 2] *= 3.0
        torch.testing.assert_close(output[~PADDING], y[~PADDING])
        assert torch.backends.mha.get_fastpath_enabled()
        with record(encoder) as recording:
            again = encoder(X, src_key_padding_mask=PADDING)
    assert torch.equal(again, plain)
    assert recording[0].source.kernel == "encoder fast path"
