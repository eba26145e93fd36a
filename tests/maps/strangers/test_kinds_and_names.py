"""What a map is called: its notes, its kind, its module and its number of heads."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.strangers.judge import MODES, assert_equal, recorded

BATCH, HEADS, LENGTH, WIDTH = 2, 4, 6, 8
X = torch.randn(BATCH, LENGTH, HEADS * WIDTH, generator=torch.Generator().manual_seed(0))
TEXT = torch.randn(BATCH, 9, HEADS * WIDTH, generator=torch.Generator().manual_seed(1))
AS_LONG = torch.randn(X.shape, generator=torch.Generator().manual_seed(2))


def layer(**options):
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(
        HEADS * WIDTH, HEADS, 48, batch_first=True, dropout=0.0, **options
    )


class Hand(nn.Module):
    """Self- or cross-attention, with or without a module for its softmax, by any of three ways."""

    def __init__(self, way: str = "explicit", softmax: bool = False, hint: str = "heads"):
        super().__init__()
        torch.manual_seed(0)
        width = HEADS * WIDTH
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.way = way
        self.attend = nn.Softmax(dim=-1) if softmax else lambda x: x.softmax(-1)
        setattr(self, hint, HEADS)

    def project(self, x, context):
        return (
            t.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2)
            for t in (self.to_q(x), self.to_k(context), self.to_v(context))
        )

    def mix(self, q, k, v):
        if self.way == "fused":
            return F.scaled_dot_product_attention(q, k, v)
        if self.way == "merged":
            q, k, v = (t.flatten(0, 1) for t in (q, k, v))
            weights = self.attend(torch.bmm(q, k.mT) / WIDTH**0.5)
            return torch.bmm(weights, v).unflatten(0, (-1, HEADS))
        return self.attend(q @ k.mT / WIDTH**0.5) @ v

    def forward(self, x, context=None):
        return self.mix(*self.project(x, x if context is None else context))

    def truth(self, x, context=None):
        q, k, _ = self.double().project(x.double(), (x if context is None else context).double())
        self.float()
        return (q @ k.mT / WIDTH**0.5).softmax(-1).detach()


class Joint(Hand):
    """Two streams that attend to both, as in SD3, Flux and CogVideoX."""

    def forward(self, hidden_states, encoder_hidden_states=None):
        both = torch.cat([hidden_states, encoder_hidden_states], 1)
        return self.mix(*self.project(both, both))


class TextFirst(Hand):
    """Each stream has projections of its own; they are joined after those."""

    def forward(self, hidden_states, encoder_hidden_states=None):
        one = self.project(hidden_states, hidden_states)
        other = self.project(encoder_hidden_states, encoder_hidden_states)
        return self.mix(*(torch.cat([b, a], 2) for a, b in zip(one, other, strict=True)))


class Diffusers(Hand):
    """The other sequence by the name that diffusers and transformers give it."""

    def forward(self, hidden_states, encoder_hidden_states=None):
        if encoder_hidden_states is None:
            encoder_hidden_states = hidden_states
        return self.mix(*self.project(hidden_states, encoder_hidden_states))


class NamedHand(Hand):
    """Projected by the layer around it, as in DAB-DETR."""

    def forward(self, hidden_states, key_states=None, value_states=None):
        q, k, v = (
            t.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2)
            for t in (hidden_states, key_states, value_states)
        )
        return self.mix(q, k, v)


class Latents(Hand):
    """Perceiver: one class for both kinds; the other sequence is called inputs."""

    def forward(self, hidden_states, inputs=None):
        return self.mix(*self.project(hidden_states, hidden_states if inputs is None else inputs))


class Holder(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, *args, **kwargs):
        return self.attention(*args, **kwargs)


KINDS = {
    "joint": ("self", Joint, (X, TEXT)),
    "joint, text first": ("self", TextFirst, (X, TEXT)),
    "joint of equal lengths": ("self", TextFirst, (X, AS_LONG)),
    "the same tensor twice": ("self", Diffusers, (X, X)),
    "nothing for the other": ("self", Diffusers, (X,)),
    "cross by diffusers' name": ("cross", Diffusers, (X, TEXT)),
    "cross of equal lengths": ("cross", Diffusers, (X, AS_LONG)),
    "context": ("cross", Hand, (X, TEXT)),
    "context of equal lengths": ("cross", Hand, (X, AS_LONG)),
    "context that is the same": ("self", Hand, (X, X)),
    "no context": ("self", Hand, (X,)),
    "projected before, cross": ("cross", NamedHand, (X, TEXT, TEXT)),
    "projected before, equal lengths": ("cross", NamedHand, (X, AS_LONG, AS_LONG)),
    "latents": ("cross", Latents, (X, TEXT)),
    "latents among themselves": ("self", Latents, (X,)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("softmax", [False, True], ids=["function", "module"])
@pytest.mark.parametrize("way", ["fused", "explicit", "merged"])
@pytest.mark.parametrize("case", KINDS)
def test_kind_name_and_heads(case, way, softmax, mode):
    kind, make, inputs = KINDS[case]
    recording = recorded(Holder(make(way, softmax)), mode, *inputs)
    assert recording.keys() == ["attention"], "a softmax of its own is not who attends"
    one = recording["attention"]
    assert one.source.kind == kind
    assert one.shape[:2] == (BATCH, HEADS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["fused", "explicit", "merged"])
def test_a_model_that_is_not_compiled_has_no_note(way, mode):
    recording = recorded(Holder(Hand(way)), mode, X)
    assert recording["attention"].source.notes == ()
    assert "note" not in str(recording)


@pytest.mark.parametrize("hint", ["heads", "num_heads", "n_heads", "num_attention_heads", "h"])
@pytest.mark.parametrize("way", ["explicit", "merged"])
def test_a_softmax_module_hides_no_heads(way, hint):
    hand = Hand(way, softmax=True, hint=hint)
    one = recorded(Holder(hand), "no_grad", X, TEXT)["attention"]
    assert_equal(one.dense(), hand.truth(X, TEXT))


def test_two_softmax_modules_below_one_attention():
    class Two(Hand):
        def __init__(self):
            super().__init__("explicit", softmax=True)
            self.inner = nn.Sequential(nn.Softmax(-1), nn.Dropout(0.5))
            self.attend = self.inner

    recording = recorded(Holder(Two().eval()), "no_grad", X)
    assert recording.keys() == ["attention"]


MULTI_HEAD = {
    "self": ("self", lambda m: m(X, X, X, need_weights=False)),
    "unbatched self": ("self", lambda m: m(X[0], X[0], X[0], need_weights=False)),
    "views of the same": ("self", lambda m: m(X[:, :], X[:, :], X[:, :], need_weights=False)),
    "with weights": ("self", lambda m: m(X, X, X)),
    "cross": ("cross", lambda m: m(X, TEXT, TEXT, need_weights=False)),
    "cross of equal lengths": ("cross", lambda m: m(X, AS_LONG, AS_LONG, need_weights=False)),
    "unbatched cross": ("cross", lambda m: m(X[0], TEXT[0], TEXT[0], need_weights=False)),
    "two rows of one tensor": ("cross", lambda m: m(X[0], X[1], X[1], need_weights=False)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", MULTI_HEAD)
def test_kinds_of_multi_head_attention(case, mode):
    kind, call = MULTI_HEAD[case]
    torch.manual_seed(0)
    model = nn.MultiheadAttention(HEADS * WIDTH, HEADS, batch_first=True).eval()
    with MODES[mode](), record(model) as recording:
        call(model)
    assert recording[0].source.kind == kind


@pytest.mark.parametrize("mode", MODES)
def test_queries_with_positions_are_still_self_attention(mode):
    """DETR adds positions to queries and keys, and not to values."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(HEADS * WIDTH, HEADS, batch_first=True)

        def forward(self, x):
            q = k = x + AS_LONG
            return self.attention(q, k, value=x)[0]

    assert recorded(Encoder().eval(), mode, X)["attention"].source.kind == "self"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("training", [False, True], ids=["fast path", "training"])
def test_an_encoder_that_is_not_compiled_has_no_note(training, mode):
    model = nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False).train(training)
    with MODES[mode](), record(model) as recording:
        model(X)
    assert len(recording) == 2
    assert [one.source.notes for one in recording.values()] == [(), ()]
    assert recording.notes == []
    assert "note" not in str(recording)


def test_joint_attention_can_be_rolled_out():
    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(Joint("fused") for _ in range(2))

        def forward(self, x, text):
            for one in self.layers:
                one(x, encoder_hidden_states=text)
            return x

    recording = recorded(Stack(), "no_grad", X, TEXT)
    assert recording.rollout(0).shape == (BATCH, LENGTH + TEXT.shape[1])
