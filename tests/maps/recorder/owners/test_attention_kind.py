"""Self or cross: by what modules are called with and how many queries and keys there are."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.maps.recorder.owners._attention_kind import attention_kind, same_memory
from clearhead.maps.recorder.owners._sequence_lengths import Lengths
from clearhead.maps.recorder.record import record
from tests.maps.attending import recorded

WIDTH = 4
IMAGE, TEXT = torch.randn(2, 5, WIDTH), torch.randn(2, 3, WIDTH)
LIKE_IMAGE = torch.randn(2, 5, WIDTH)


class Projections(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_query, self.to_key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def attend(self, queries, keys):
        key = self.to_key(keys)[:, None]
        return sdpa(self.to_query(queries)[:, None], key, key)[:, 0]


class Joint(Projections):
    """As in SD3 and Flux: one attention over image and text, which are projected apart."""

    def forward(self, hidden_states, encoder_hidden_states=None, temb=None):
        both = hidden_states
        if encoder_hidden_states is not None:
            both = torch.cat([hidden_states, encoder_hidden_states], 1)
        return self.attend(both, both)


class UnnamedJoint(Joint):
    def forward(self, x, y):
        return super().forward(x, y)


class JointOfMore(Projections):
    """Three modalities, or registers beside two."""

    def forward(self, tokens, context=None, registers=2):
        both = torch.cat([*tokens, tokens[0][:, :registers]], 1)
        both = both if context is None else torch.cat([both, context], 1)
        return self.attend(both, both)


class Stack(Projections):
    """Two sequences in one argument."""

    def forward(self, sequences):
        return self.attend(*sequences)


class Windows(Projections):
    """Attends to the other sequence in windows."""

    def forward(self, x, context):
        split = lambda t: t.unflatten(1, (-1, 4)).flatten(0, 1)  # noqa: E731
        return self.attend(split(x), split(context))


class ToContext(Projections):
    def forward(self, x, context=None):
        context = x if context is None else context
        return self.attend(x + 1, context + 1)


class Unnamed(Projections):
    def forward(self, x, y):
        return self.attend(x, y)


class Inputs(Projections):
    """As in Perceiver."""

    def forward(self, hidden_states, attention_mask=None, inputs=None):
        return self.attend(hidden_states, hidden_states if inputs is None else inputs)


class Resampler(Projections):
    """As in Flamingo and Idefics: latents attend to the input and to themselves."""

    def forward(self, x, latents):
        return self.attend(latents, torch.cat([x, latents], 1))


class LearnedQueries(Projections):
    """Attention pooling by queries that are parameters."""

    def __init__(self, count):
        super().__init__()
        self.latent = nn.Parameter(torch.randn(1, count, WIDTH))

    def forward(self, x):
        return self.attend(self.latent.expand(len(x), -1, -1), x)


class ClassToken(Projections):
    def forward(self, x):
        return self.attend(x[:, :1], x)


class Positions(Projections):
    def forward(self, hidden_states, position_embeddings, residual=None):
        hidden_states = hidden_states + position_embeddings
        return self.attend(hidden_states, hidden_states)


class Cached(Projections):
    def forward(self, x, past):
        return self.attend(x, torch.cat([past, x], 1))


class Spatial(Projections):
    """[batch, width, height, width] and a text."""

    def forward(self, x, encoder_hidden_states=None):
        x = x.flatten(2).mT
        return self.attend(x, x if encoder_hidden_states is None else encoder_hidden_states)


class Layer(Projections):
    """Both attentions of a decoder in one module."""

    def forward(self, x, memory):
        return self.attend(self.attend(x, x), memory)


class Methods(Projections):
    """Both attentions of a decoder in methods."""

    def _to_itself(self, x):
        return self.attend(x, x)

    def _to_memory(self, x, memory):
        return self.attend(x, memory)

    def forward(self, x, memory):
        return self._to_memory(self._to_itself(x), memory)


IMAGES = torch.randn(2, WIDTH, 2, 3)
CASES = {
    "joint": (Joint(), (IMAGE, TEXT), ["self"]),
    "joint, as many": (Joint(), (IMAGE, LIKE_IMAGE), ["self"]),
    "joint, batch of one": (Joint(), (IMAGE[:1], TEXT[:1]), ["self"]),
    "joint, unnamed": (UnnamedJoint(), (IMAGE, TEXT), ["self"]),
    "joint layer, image alone": (Joint(), (IMAGE,), ["self"]),
    "joint of three": (JointOfMore(), ((IMAGE, TEXT), LIKE_IMAGE, 0), ["self"]),
    "joint with registers": (JointOfMore(), ((IMAGE,), TEXT), ["self"]),
    "joint of a list": (JointOfMore(), ([IMAGE, TEXT], None), ["self"]),
    "a pair in one argument": (Stack(), ((IMAGE, TEXT),), ["cross"]),
    "the same in one argument": (Stack(), ((IMAGE, IMAGE),), ["self"]),
    "windows": (Windows(), (torch.randn(2, 8, WIDTH), torch.randn(2, 8, WIDTH)), ["cross"]),
    "many windows": (
        Windows(),
        (torch.randn(2, 16, WIDTH), torch.randn(2, 16, WIDTH)),
        ["cross"],
    ),
    "text": (ToContext(), (IMAGE, TEXT), ["cross"]),
    "text as long": (ToContext(), (IMAGE, LIKE_IMAGE), ["cross"]),
    "length twice the batch": (ToContext(), (TEXT[:, :2], LIKE_IMAGE[:, :2]), ["cross"]),
    "no text": (ToContext(), (IMAGE,), ["self"]),
    "the same twice": (ToContext(), (IMAGE, IMAGE), ["self"]),
    "a view of the same": (ToContext(), (IMAGE, IMAGE.view(2, 5, WIDTH)), ["self"]),
    "unnamed": (Unnamed(), (IMAGE, TEXT), ["cross"]),
    "unnamed, as long": (Unnamed(), (IMAGE, LIKE_IMAGE), ["cross"]),
    "unnamed, the same": (Unnamed(), (IMAGE, IMAGE), ["self"]),
    "inputs": (Inputs(), (TEXT, None, IMAGE), ["cross"]),
    "inputs as long": (Inputs(), (LIKE_IMAGE, None, IMAGE), ["cross"]),
    "no inputs": (Inputs(), (IMAGE,), ["self"]),
    "resampler": (Resampler(), (IMAGE, TEXT), ["cross"]),
    "resampler, as many": (Resampler(), (IMAGE, LIKE_IMAGE), ["cross"]),
    "learned queries": (LearnedQueries(3), (IMAGE,), ["cross"]),
    "one learned query": (LearnedQueries(1), (IMAGE,), ["cross"]),
    "class token": (ClassToken(), (IMAGE,), ["self"]),
    "positions": (Positions(), (IMAGE, LIKE_IMAGE, LIKE_IMAGE), ["self"]),
    "cache": (Cached(), (IMAGE[:, :1], TEXT), ["self"]),
    "images": (Spatial(), (IMAGES,), ["self"]),
    "images and text": (Spatial(), (IMAGES, TEXT), ["cross"]),
    "images and text as long": (Spatial(), (IMAGES, torch.randn(2, 6, WIDTH)), ["cross"]),
    "a layer of both": (Layer(), (IMAGE, TEXT), ["self", "cross"]),
    "methods of both": (Methods(), (IMAGE, TEXT), ["self", "cross"]),
    "methods of both, as long": (Methods(), (IMAGE, LIKE_IMAGE), ["self", "cross"]),
}


class Model(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, *args):
        return self.attention(*args)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
@pytest.mark.parametrize("case", CASES)
def test_kind(case, mode):
    attention, args, kinds = CASES[case]
    model = Model(attention)
    with mode():
        recording = recorded(model, lambda: model(*args))
    assert recording.keys() == ["attention"]
    assert [one.source.kind for one in recording.calls(0)] == kinds


# Modules that are handed what others projected


class Kernel(nn.Module):
    """No parameters; queries and keys with heads beside the batch, or merged with it."""

    def forward(self, q, k, v):
        return sdpa(q, k, v)


class Normed(Projections):
    """Calls an attention on its own projections, as DAB-DETR's decoder does."""

    def __init__(self, merged):
        super().__init__()
        self.kernel, self.merged = Kernel(), merged

    def forward(self, x, encoder_hidden_states=None):
        other = x if encoder_hidden_states is None else encoder_hidden_states
        query, key = self.to_query(x), self.to_key(other)
        if not self.merged:
            query, key = query[:, None], key[:, None]
        return self.kernel(query, key, key)


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize(
    ("other", "kind"), [(None, "self"), (TEXT, "cross"), (LIKE_IMAGE, "cross"), (IMAGE, "self")]
)
def test_projected_queries_and_keys_are_what_the_module_around_was_called_with(merged, other, kind):
    model = Model(Normed(merged))
    recording = recorded(model, lambda: model(IMAGE, other))
    assert {name: one.source.kind for name, one in recording.items()} == {"attention.kernel": kind}


@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorchs_attention_is_told_what_is_the_same_memory(batch_first):
    attention = nn.MultiheadAttention(WIDTH, 2, batch_first=batch_first).eval()
    x = torch.randn(2, 3, WIDTH)
    calls = {
        "self": [(x, x, x), (x[0], x[0], x[0]), (x.view(2, 3, WIDTH), x, x)],
        "cross": [(x, y := torch.randn(2, 3, WIDTH), y), (x[0], x[1], x[1])],
    }
    for kind, some in calls.items():
        for args in some:
            recording = recorded(attention, lambda args=args: attention(*args))
            assert recording[""].source.kind == kind


def test_memory_that_begins_alike_is_not_the_same():
    x = torch.zeros(4, 4)
    assert same_memory(x, x[:])
    assert not same_memory(x, x.T)
    assert not same_memory(x, x[:2])
    assert not same_memory(x, x.clone())
    assert not same_memory(x, x.view(torch.int32))
    assert not same_memory(torch.zeros(0), torch.zeros(0))


# Generation


class Decoder(nn.Module):
    """One attention to a cache of its own, one to a memory that it is given but once."""

    def __init__(self):
        super().__init__()
        self.own, self.cross = Growing(), Remembering()

    def forward(self, x, memory=None):
        return self.cross(self.own(x), memory)


class Growing(Projections):
    def __init__(self):
        super().__init__()
        self.past = torch.zeros(2, 0, WIDTH)

    def forward(self, x):
        self.past = torch.cat([self.past, x], 1)
        return self.attend(x, self.past)


class Remembering(Projections):
    def forward(self, x, memory=None):
        self.memory = self.memory if memory is None else memory
        return self.attend(x, self.memory)


def test_a_cache_changes_no_kind():
    model = Decoder()
    with torch.no_grad(), record(model) as recording:
        for step in range(4):
            model(torch.randn(2, 1, WIDTH), IMAGE if step == 0 else None)
    assert {one.source.kind for one in recording.calls("own")} == {"self"}
    assert {one.source.kind for one in recording.calls("cross")} == {"cross"}


def test_summaries_have_the_same_kinds():
    model = Decoder()
    with torch.no_grad(), record(model, summaries=["entropy"]) as recording:
        for step in range(3):
            model(torch.randn(2, 1, WIDTH), IMAGE if step == 0 else None)
    assert [one.source.kind for one in recording.calls("cross")] == ["cross"] * 3
    assert [one.source.kind for one in recording.calls("own")] == ["self"] * 3


def test_what_cannot_be_told_is_not_guessed():
    module = Cached()
    calls = [(module, {"x": IMAGE[:, :1]})]
    assert attention_kind(calls, Lengths(2, 1, 9)) is None
    assert attention_kind(calls, Lengths(2, 1, 1)) == "self"
    assert attention_kind([], Lengths(2, 1, 1)) == "self"


# Rollout


def test_joint_attention_has_a_rollout():
    class Blocks(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Joint(), Joint()])

        def forward(self, x, encoder_hidden_states):
            for block in self.blocks:
                x, encoder_hidden_states = block(x, encoder_hidden_states).split([5, 3], 1)
            return x

    model = Blocks()
    recording = recorded(model, lambda: model(IMAGE, TEXT))
    rows = recording.rollout([0, 7])
    assert rows.shape == (2, 2, 8)
    torch.testing.assert_close(rows.sum(-1), torch.ones(2, 2))
