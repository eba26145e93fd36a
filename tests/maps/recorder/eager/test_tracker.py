"""The result of a softmax on its way to the values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearhead.maps.recorder.eager._weights import UNMET
from tests.maps.attending import dense
from tests.maps.strangers.judge import (
    SHAPES,
    Attention,
    Model,
    assert_read,
    assert_refused,
    factors,
    judge,
    recorded,
    weights_of,
)

MODES = ["no_grad", "grad", "inference"]
Q, K, V = factors(SHAPES["batch 2, heads 4"])


def weights(query, key):
    return (query @ key.mT / 3).softmax(-1)


def permuted_copy(q, k, v):
    copy = weights(q, k).transpose(0, 1).contiguous()
    return (copy @ v.transpose(0, 1)).transpose(0, 1)


def by_baddbmm(q, k, v):
    flat, values = weights(q, k).flatten(0, 1), v.flatten(0, 1)
    shape = (*flat.shape[:2], v.shape[-1])
    return torch.baddbmm(flat.new_zeros(shape), flat, values).unflatten(0, q.shape[:2])


def rows_of_padding(q, k, v):
    padding = torch.zeros(q.shape[2], 1, dtype=torch.bool)
    padding[-1] = True
    return weights(q, k).masked_fill(padding, 0) @ v


def in_place_by_one(q, k, v):
    return weights(q, k).mul_(1.0) @ v


def dropout_that_drops_nothing(q, k, v):
    return nn.functional.dropout(weights(q, k), 0.3, training=False) @ v


READ = [permuted_copy, by_baddbmm, rows_of_padding, in_place_by_one, dropout_that_drops_nothing]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", READ, ids=lambda form: form.__name__)
def test_what_leaves_them_as_they_are_is_read(form, mode):
    judge(form, mode)


def doubled(q, k, v):
    return (weights(q, k) * 2) @ v


def doubled_in_place(q, k, v):
    return weights(q, k).mul_(2) @ v


def some_entries_hidden(q, k, v):
    return weights(q, k).masked_fill(torch.eye(q.shape[2], k.shape[2]).bool(), 0) @ v


def mixed_with_scores(q, k, v):
    scores = q @ k.mT / 3
    return (scores.softmax(-1) + 0.1 * scores) @ v


CHANGED = [doubled, doubled_in_place, some_entries_hidden, mixed_with_scores]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", CHANGED, ids=lambda form: form.__name__)
def test_what_changes_them_is_refused(form, mode):
    recording = recorded(Model(Attention(form, Q.shape[1])), mode, Q, K, V)
    assert_refused(recording, "its weights were changed between softmax and values: they went")


@pytest.mark.parametrize("mode", MODES)
def test_weights_that_meet_no_values_are_those_of_the_softmax_and_it_is_said(mode):
    model = Model(Attention(lambda q, k, v: weights(q, k), Q.shape[1]))
    recording = recorded(model, mode, Q, K, V)
    assert_read(recording, dense(Q, K, scale=1 / 3))
    assert UNMET in recording["attention"].source.notes


@pytest.mark.parametrize("mode", MODES)
def test_weights_that_met_their_values_bear_no_such_note(mode):
    model = Model(Attention(lambda q, k, v: weights(q, k) @ v, Q.shape[1]))
    recording = recorded(model, mode, Q, K, V)
    assert UNMET not in recording["attention"].source.notes


class Head(nn.Module):
    def forward(self, x, classes):
        return (x @ classes.mT).softmax(-1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(2, 3, 8), (3, 8)], ids=str)
def test_features_and_classes_are_no_attention(mode, shape):
    recording = recorded(Model(Head()), mode, torch.randn(shape), torch.randn(5, 8))
    assert not recording.refusals


@pytest.mark.parametrize("mode", ["no_grad", "grad"])
def test_a_dropout_leaves_the_map_and_is_told(mode):
    def form(q, k, v):
        torch.manual_seed(0)
        return nn.functional.dropout(weights(q, k), 0.25) @ v

    recording = recorded(Model(Attention(form, Q.shape[1])), mode, Q, K, V)
    assert_read(recording, weights_of(lambda q, k, v: weights(q, k) @ v, Q, K, V))
    assert recording["attention"].source.dropout == 0.25
