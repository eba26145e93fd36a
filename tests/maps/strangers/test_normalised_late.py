"""Weights that are masked and normalised again, and outputs that are divided last."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.maps.strangers.judge import (
    MODES,
    SHAPES,
    Attention,
    Model,
    assert_refused,
    factors,
    judge,
    recorded,
)

READ, REFUSED = {}, {}


def form(function):
    READ[function.__name__] = function
    return function


def refused(words):
    def take(function):
        REFUSED[function.__name__] = function, words
        return function

    return take


def hidden(x):
    """Keys that are hidden from a query; never all of them."""
    rows, columns = torch.arange(x.shape[-2])[:, None], torch.arange(x.shape[-1])
    return ((rows + columns) % 3 == 1) & (columns > 0)


def scores(query, key):
    return query @ key.mT / query.shape[-1] ** 0.5


@form
def masked_and_divided(query, key, value):
    weights = scores(query, key).softmax(-1) * ~hidden(query @ key.mT)
    return (weights / weights.sum(-1, keepdim=True)) @ value


@form
def masked_and_divided_in_place(query, key, value):
    weights = scores(query, key).softmax(-1)
    weights.masked_fill_(hidden(weights), 0.0)
    weights.div_(weights.sum(-1, keepdim=True).clamp(min=1e-9))
    return weights @ value


@form
def filled_and_normalised(query, key, value):
    weights = scores(query, key).softmax(-1)
    weights = F.normalize(weights.masked_fill(hidden(weights), 0.0), p=1, dim=-1)
    return weights @ value


@form
def cut_to_the_past(query, key, value):
    weights = scores(query, key).softmax(-1).tril()
    return (weights * weights.sum(-1, keepdim=True).reciprocal()) @ value


@form
def numerators_first(query, key, value):
    numerators = scores(query, key).exp()
    return (numerators @ value) / numerators.sum(-1, keepdim=True)


@form
def shifted_numerators_first(query, key, value):
    x = scores(query, key).masked_fill(hidden(query @ key.mT), -torch.inf)
    numerators = (x - x.amax(-1, keepdim=True)).exp()
    out = torch.einsum("bhqk,bhkd->bhqd", numerators, value)
    return out.div_(numerators.sum(-1, keepdim=True))


@form
def numerators_hidden_by_zeros(query, key, value):
    numerators = scores(query, key).exp()
    numerators = numerators.masked_fill(hidden(numerators), 0.0)
    sums = numerators.sum(-1)
    return (numerators @ value) / sums[..., None]


@refused("changed between softmax and values")
def masked_alone(query, key, value):
    weights = scores(query, key).softmax(-1)
    return (weights * ~hidden(weights)) @ value


@refused("changed between softmax and values")
def divided_by_more(query, key, value):
    weights = scores(query, key).softmax(-1)
    weights = weights * ~hidden(weights)
    return (weights / (weights.sum(-1, keepdim=True) + 0.1)) @ value


@refused("changed between softmax and values")
def squared_and_divided(query, key, value):
    weights = scores(query, key).softmax(-1).square() * 2
    return (weights / weights.sum(-1, keepdim=True)) @ value


@refused("before their exponentials were normalised")
def numerators_divided_by_more(query, key, value):
    numerators = scores(query, key).exp()
    return (numerators @ value) / (numerators.sum(-1, keepdim=True) + 1)


@refused("before their exponentials were normalised")
def numerators_alone(query, key, value):
    return scores(query, key).exp() @ value


@refused("before their exponentials were normalised")
def keys_in_parts(query, key, value):
    half = key.shape[2] // 2
    parts = [scores(query, key[:, :, part]).exp() for part in (slice(half), slice(half, None))]
    out = parts[0] @ value[:, :, :half] + parts[1] @ value[:, :, half:]
    return out / (parts[0].sum(-1, keepdim=True) + parts[1].sum(-1, keepdim=True))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", READ)
def test_these_are_read(name, mode):
    if mode == "grad" and "in_place" in name:
        pytest.skip("autograd does not allow it")
    judge(READ[name], mode, "batch 4, heads 4")


@pytest.mark.parametrize("name", REFUSED)
def test_these_are_refused(name):
    function, words = REFUSED[name]
    query, key, value = factors(SHAPES["batch 4, heads 4"])
    recording = recorded(Model(Attention(function, 4)), "no_grad", query, key, value)
    assert_refused(recording, words)


def test_values_of_numerators_are_those_of_their_keys():
    query, key, value = factors(SHAPES["batch 4, heads 4"])
    model = Model(Attention(numerators_first, 4))
    recording = recorded(model, "no_grad", query, key, value, values=True)
    assert torch.equal(recording["attention"].value, value)
