"""Whose attention it is, and of which kind, from the call stack alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as sdpa

from tests.maps.attending import recorded

X, MEMORY = torch.randn(2, 3, 4), torch.randn(2, 3, 4)


def attend(module, query, key):
    """A function that is handed the module, as Hugging Face's attention functions are."""
    query, key = query[:, None], key[:, None]
    return sdpa(query, key, key)[:, 0]


class Attention(nn.Module):
    def forward(self, hidden_states, key_value_states=None, **kwargs):
        other = hidden_states if key_value_states is None else key_value_states
        return attend(self, hidden_states * 2, other * 3)


class Pair(nn.Module):
    def forward(self, query, key):
        query, key = query * 2, key * 3
        return attend(self, query, key)


class Projected(nn.Module):
    """Gets queries and keys that its parent made."""

    def __init__(self):
        super().__init__()
        self.inner = Kernel()

    def forward(self, x, context=None):
        other = x if context is None else context
        return self.inner(x[:, None] * 2, other[:, None] * 3)


class Kernel(nn.Module):
    def forward(self, query, key):
        return sdpa(query, key, key)


class Method(nn.Module):
    """Attends in methods by other names, and has no forward at all."""

    def cross_attention(self, x, memory):
        return attend(self, x, memory[0])

    def self_attention(self, x):
        return attend(self, x, x)


class Model(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, run, encoder_hidden_states=None):
        return run(self.attention)


CASES = [
    (Attention, lambda m: m(X), "self"),
    (Attention, lambda m: m(X, MEMORY), "cross"),
    (Attention, lambda m: m(X, key_value_states=MEMORY), "cross"),
    (Attention, lambda m: m(hidden_states=X, encoder_hidden_states=MEMORY), "self"),
    (Pair, lambda m: m(X, X), "self"),
    (Pair, lambda m: m(X, MEMORY), "cross"),
    (Method, lambda m: m.self_attention(X), "self"),
    (Method, lambda m: m.cross_attention(X, (MEMORY, MEMORY)), "cross"),
]


@pytest.mark.parametrize(("attention", "run", "kind"), CASES)
def test_kind_comes_from_the_call_of_the_attending_module(attention, run, kind):
    model = Model(attention())
    recording = recorded(model, lambda: model(run, encoder_hidden_states=MEMORY))
    assert {name: one.source.kind for name, one in recording.items()} == {"attention": kind}


@pytest.mark.parametrize(("context", "kind"), [(None, "self"), (MEMORY, "cross")])
def test_a_kernel_module_asks_the_module_around_it(context, kind):
    model = Projected()
    recording = recorded(model, lambda: model(X, context))
    assert {name: one.source.kind for name, one in recording.items()} == {"inner": kind}
