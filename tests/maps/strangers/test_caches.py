"""Key-value buffers of a model's own, written in place step after step."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.strangers.judge import MODES, assert_equal, same_bits

HEADS, WIDTH, MOST = 4, 8, 16
STEPS = [(0, 5), (5, 6), (6, 7), (7, 8)]


class Cached(nn.Module):
    """Attention as Meta's reference code of Llama has it: rotary in place, buffers, slices."""

    def __init__(self, batch: int, explicit: bool, layout: str) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(HEADS * WIDTH, 3 * HEADS * WIDTH, bias=False)
        self.explicit, self.layout = explicit, layout
        sizes = {"length first": (MOST, HEADS), "heads first": (HEADS, MOST)}[layout]
        self.register_buffer("keys", torch.zeros(batch, *sizes, WIDTH))
        self.register_buffer("values", torch.zeros(batch, *sizes, WIDTH))
        self.weights = []
        with torch.no_grad():
            self.to_qkv.weight.mul_(3)

    def turn(self, x, start):
        angle = (start + torch.arange(x.shape[1], dtype=x.dtype))[:, None, None] / 5
        half = x.shape[-1] // 2
        first, second = x[..., :half].clone(), x[..., half:].clone()
        x[..., :half].mul_(angle.cos()).sub_(second * angle.sin())
        x[..., half:].mul_(angle.cos()).add_(first * angle.sin())

    def forward(self, x, start):
        q, k, v = (t.unflatten(-1, (HEADS, WIDTH)) for t in self.to_qkv(x).chunk(3, -1))
        q, k = q.clone(), k.clone()
        self.turn(q, start)
        self.turn(k, start)
        end = start + x.shape[1]
        q = q.transpose(1, 2)
        if self.layout == "length first":
            self.keys[:, start:end] = k
            self.values[:, start:end] = v
            keys = self.keys[:, :end].transpose(1, 2)
            values = self.values[:, :end].transpose(1, 2)
        else:
            self.keys[:, :, start:end].copy_(k.transpose(1, 2))
            self.values[:, :, start:end].copy_(v.transpose(1, 2))
            keys, values = self.keys[:, :, :end], self.values[:, :, :end]
        hidden = torch.arange(end) > torch.arange(start, end)[:, None]
        if not self.explicit:
            return F.scaled_dot_product_attention(q, keys, values, attn_mask=~hidden)
        scores = torch.matmul(q, keys.transpose(2, 3)) / WIDTH**0.5
        scores = scores + torch.zeros(hidden.shape).masked_fill(hidden, -torch.inf)
        return F.softmax(scores, dim=-1) @ values


class Layers(nn.Module):
    def __init__(self, *args):
        super().__init__()
        self.first, self.second = Cached(*args), Cached(*args)

    def forward(self, x, start):
        out = self.first(x, start).transpose(1, 2).flatten(2)
        return self.second(x + out, start)


def truth_of(model, name, x):
    """Float64["batch heads length length"]: what the whole text gives in one causal pass."""
    layer = model.double().first
    inputs = {"first": x.double()}
    whole = []
    for one in (model.first, model.second):
        layer = one
        source = inputs["first"] if one is model.first else inputs["second"]
        q, k, v = (t.unflatten(-1, (HEADS, WIDTH)) for t in layer.to_qkv(source).chunk(3, -1))
        q, k = q.clone(), k.clone()
        layer.turn(q, 0)
        layer.turn(k, 0)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        scores = q @ k.mT / WIDTH**0.5
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf)
        whole.append(scores.softmax(-1))
        inputs["second"] = source + (whole[-1] @ v).transpose(1, 2).flatten(2)
    model.float()
    return whole[0 if name == "first" else 1]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "grad"])
@pytest.mark.parametrize("layout", ["length first", "heads first"])
@pytest.mark.parametrize("explicit", [False, True], ids=["fused", "explicit"])
@pytest.mark.parametrize("batch", [1, 2])
def test_every_step_is_read(batch, explicit, layout, mode):
    torch.manual_seed(0)
    x = torch.randn(batch, STEPS[-1][1], HEADS * WIDTH)

    def run(model):
        return [model(x[:, start:end], start) for start, end in STEPS]

    with MODES[mode]():
        model = Layers(batch, explicit, layout)
        plain = run(model)
        with record(model) as recording:
            recorded_output = run(model)
        assert same_bits(plain, recorded_output)
        assert not recording.refusals
        assert recording.keys() == ["first", "second"]
        for name in recording:
            truth = truth_of(model, name, x)
            row = 0
            for one in recording.calls(name):
                queries, keys = one.shape[2:]
                assert_equal(one.dense(), truth[:, :, row : row + queries, :keys])
                row += queries
            assert row == x.shape[1], "every step has its map"


@pytest.mark.parametrize("explicit", [False, True], ids=["fused", "explicit"])
def test_a_buffer_that_is_begun_again_for_another_text(explicit):
    """The second text overwrites the first: maps of the first stay as they were."""
    torch.manual_seed(1)
    model = Layers(1, explicit, "length first")
    texts = torch.randn(2, 1, 6, HEADS * WIDTH)
    with torch.no_grad():
        with record(model) as recording:
            for text in texts:
                model(text, 0)
        assert not recording.refusals
        for name in recording:
            for one, text in zip(recording.calls(name), texts, strict=True):
                assert_equal(one.dense(), truth_of(model, name, text))
