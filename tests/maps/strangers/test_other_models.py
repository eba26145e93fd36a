"""Another model that runs while one is recorded: none of its attention is shown."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.strangers.judge import (
    MODES,
    Attention,
    Model,
    assert_equal,
    assert_read,
    factors,
    recorded,
    same_bits,
    weights_of,
)

SHAPE = (2, 4, 6, 6, 8)


def explicit(q, k, v):
    return (q @ k.mT * 0.4).softmax(-1) @ v


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=0.4)


FORMS = {"explicit": explicit, "fused": fused}


def llama(layers: int, hidden: int, seed: int):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=48, max_position_embeddings=64, pad_token_id=0,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "grad"])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_assisted_generation_shows_the_large_model_alone(implementation, mode):
    large, small = llama(2, 32, 0), llama(1, 16, 1)
    for model in (large, small):
        model.set_attn_implementation(implementation)
    ids = torch.randint(5, 64, (1, 7))
    settings = {"max_new_tokens": 6, "do_sample": False, "assistant_model": small}
    with MODES[mode]():
        plain = large.generate(ids, **settings)
        with record(large) as recording:
            recorded_output = large.generate(ids, **settings)
    assert torch.equal(plain, recorded_output)
    assert recording.keys() == [f"model.layers.{i}.self_attn" for i in range(2)]
    assert not recording.refusals
    for name in recording:
        for one in recording.calls(name):
            assert one.shape[1] == 4
            assert one.shape[3] <= recorded_output.shape[1], "the vocabulary is no text"


class Teacher(nn.Module):
    """A model with parameters of its own."""

    def __init__(self, form) -> None:
        super().__init__()
        self.attention, self.scale = Attention(form, 4), nn.Parameter(torch.ones(()))

    def forward(self, q, k, v):
        return self.attention(q * self.scale, k, v)


class Student(nn.Module):
    """Attends itself, and asks a model that is none of its modules."""

    def __init__(self, form, teacher, *, before: bool) -> None:
        super().__init__()
        self.attention = Attention(form, 4)
        self.ask, self.before = (lambda *inputs: teacher(*inputs)), before

    def forward(self, q, k, v):
        answer = self.ask(q.flip(0), k, v) if self.before else None
        out = self.attention(q, k, v)
        return out, answer if self.before else self.ask(q.flip(0), k, v)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("own", FORMS)
@pytest.mark.parametrize("others", FORMS)
def test_a_teacher_within_forward_is_not_shown(others, own, before, mode):
    query, key, value = factors(SHAPE)
    student = Student(FORMS[own], Teacher(FORMS[others]), before=before)
    recording = recorded(student, mode, query, key, value)
    assert "Teacher, which is not registered" in recording.refusals.pop("").why
    assert [name for name in recording if name] == ["attention"]
    assert_equal(recording["attention"].dense(), weights_of(FORMS[own], query, key, value))


@pytest.mark.parametrize("mode", MODES)
def test_the_logits_of_a_teacher_are_no_scores(mode):
    """A vocabulary's logits and their softmax, met by another product."""
    torch.manual_seed(0)
    embedding = nn.Embedding(50, 32)

    def teacher(q, k, v):
        hidden = q.transpose(1, 2).flatten(2)
        return (hidden @ embedding.weight.T).softmax(-1) @ embedding.weight

    query, key, value = factors(SHAPE)
    student = Student(explicit, teacher, before=False)
    recording = recorded(student, mode, query, key, value)
    assert "attention" in recording
    for name in recording:
        if name not in recording.refusals:
            assert name == "attention"
            assert_equal(recording[name].dense(), weights_of(explicit, query, key, value))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_a_teacher_in_the_block_of_the_recording_is_not_shown(form, mode):
    query, key, value = factors(SHAPE)
    model, teacher = Model(Attention(FORMS[form], 4)), Model(Attention(FORMS[form], 4))
    with MODES[mode]():
        plain = model(query, key, value)
        with record(model) as recording:
            teacher(key, query, value)
            recorded_output = model(query, key, value)
            teacher(key, key, value)
    assert same_bits(plain, recorded_output)
    assert_read(recording, weights_of(FORMS[form], query, key, value))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_layers_in_a_plain_list_are_not_silent(form, mode):
    """They look like another model's. Whoever shows them shows what is right."""
    query, key, value = factors(SHAPE)

    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [Attention(FORMS[form], 4)]

        def forward(self, q, k, v):
            for layer in self.layers:
                v = layer(q, k, v)
            return v

    recording = recorded(Listed(), mode, query, key, value)
    assert recording.keys() or recording.notes, "silent"
    if not recording.refusals:
        for name in recording:
            assert_equal(recording[name].dense(), weights_of(FORMS[form], query, key, value))
