"""Modules that are called attention, ran, and told nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from clearhead.maps.recorder.unread import (
    is_called_attention,
    unread_modules,
    why_unread,
)
from tests.maps.attending import Calls, recorded


def module(name: str, *parts: nn.Module) -> nn.Module:
    """A module of a class with this name and these children."""
    one = type(name, (nn.Module,), {})()
    for i, part in enumerate(parts):
        one.add_module(str(i), part)
    return one


def unread_in(model, multiplied, attending):
    return unread_modules(list(model.named_modules()), multiplied, attending)


def storages(*modules: nn.Module) -> set[int]:
    return {p.untyped_storage()._cdata for one in modules for p in one.parameters()}


@pytest.mark.parametrize(
    ("name", "is_attention"),
    [
        ("Attention", True),
        ("BertSelfAttention", True),
        ("DeformableAttn", True),
        ("MultiheadATTENTION", True),
        ("MambaMixer", True),
        ("BambaMixer", True),
        ("BambaMLP", False),
        ("RwkvBlock", True),
        ("MultiScaleRetention", True),
        ("GatedDeltaNet", True),
        ("AttentionOutputProjection", True),
        ("BertSelfOutput", False),
        ("BertAttentionOutput", False),
        ("AttentionMask", False),
        ("AttentionBias", False),
        ("AttentionNorm", False),
        ("AttentionEmbeddings", False),
        ("MambaDropout", False),
        ("AttnGate", False),
        ("AttentionIntermediate", False),
        ("MambaCache", False),
        ("MambaRMSNormGated", False),
        ("RwkvFeedForward", False),
        ("Linear", False),
        ("MLP", False),
    ],
)
def test_the_name_of_a_class_tells_and_steps_of_it_are_none(name, is_attention):
    assert is_called_attention(module(name)) is is_attention


def test_the_innermost_are_named_and_only_if_they_ran():
    inner, other = nn.Linear(2, 2), nn.Linear(2, 2)
    model = module("Model", module("Attention", module("SelfAttention", inner)), other)
    assert unread_in(model, storages(inner), ()) == ["0.0"]
    assert unread_in(model, storages(other), ()) == []
    assert unread_in(model, set(), ()) == []


def test_every_module_is_looked_at_by_its_own_parameters():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    model = module("Model", module("Attention", first), module("Attention", second))
    assert unread_in(model, storages(second), ()) == ["1"]
    assert unread_in(model, storages(first, second), ()) == ["0", "1"]


def test_a_step_within_an_attention_does_not_stand_for_it():
    dense = nn.Linear(2, 2)
    model = module("Model", module("Attention", module("AttentionOutput", dense)))
    assert unread_in(model, storages(dense), ()) == ["0"]


@pytest.mark.parametrize(
    ("attending", "unread"),
    [
        (["0.0"], []),
        (["0.0.0"], []),  # a part of it
        (["0"], []),  # what it is a part of
        (["1"], ["0.0"]),
        (["0.00"], ["0.0"]),  # another name that begins alike
        (["0.0x"], ["0.0"]),
        ([""], ["0.0"]),  # of the model as a whole nothing follows
        (["1", "0.0"], []),
    ],
)
def test_what_is_known_within_or_around_is_not_told_again(attending, unread):
    inner = nn.Linear(2, 2)
    model = module("Model", module("Block", module("Attention", inner)), nn.Linear(2, 2))
    assert unread_in(model, storages(inner), attending) == unread


def test_one_without_parameters_ran_if_what_is_around_it_did():
    inner, other = nn.Linear(2, 2), nn.Linear(2, 2)
    model = module("Model", module("Block", inner, module("CoreAttention")), other)
    assert unread_in(model, storages(inner), ()) == ["0.1"]
    assert unread_in(model, storages(other), ()) == []


def test_in_a_model_without_parameters_nothing_denies_that_it_ran():
    assert unread_in(module("Model", module("Attention")), set(), ()) == ["0"]


def test_a_model_itself_is_no_part_of_it():
    model = module("AttentionModel", nn.Linear(2, 2))
    assert unread_in(model, storages(model), ()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MultiScaleDeformableAttention", "by its class a deformable attention, which samples"),
        ("DeformableDetrSelfAttention", "it attends in another way"),
        ("Mamba2Mixer", "by its class a state space"),
        ("RwkvSelfAttention", "by its class RWKV's recurrence"),
        ("MultiScaleRetention", "by its class a retention"),
        ("KimiLinearDeltaAttention", "by its class a delta rule"),
        ("KimiLinearAttention", "it attends in another way"),
        ("MobileViTV2LinearSelfAttention", "by its class a linear attention"),
        ("PerformerAttention", "by its class a linear attention"),
        ("MraSelfAttention", "it attends in another way"),
    ],
)
def test_the_kind_is_told_where_the_name_of_the_class_tells_it(name, words):
    assert words in why_unread(module(name))


def test_flex_attention_is_told_by_the_configuration():
    one = module("LlamaAttention")
    one.config = SimpleNamespace(_attn_implementation="flex_attention")
    assert "its configuration chooses FlexAttention, which transformers compiles" in why_unread(one)
    one.config = SimpleNamespace(_attn_implementation="sdpa")
    assert "in a compiled kernel, or not at all" in why_unread(one)


class LinearAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x):
        query, key, value = self.qkv(x).chunk(3, -1)
        return query.exp() @ (key.exp().mT @ value)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_recording_tells_of_them(mode):
    model = Calls(lambda x: model.attends(x) if x.shape[1] > 1 else x)
    model.attends = LinearAttention()
    with mode():
        ran = recorded(model, lambda: model(torch.ones(2, 3, 4)))
        did_not = recorded(model, lambda: model(torch.ones(2, 1, 4)))
    assert list(ran.refusals) == ["attends"]
    assert (
        "no softmax over products of queries and keys was seen in it" in ran.refusals["attends"].why
    )
    assert not did_not.refusals
