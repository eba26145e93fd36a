"""A softmax of a softmax."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager._weights import UNMET
from tests.maps.attending import dense
from tests.maps.strangers import judge
from tests.maps.strangers.judge import (
    SHAPES,
    Attention,
    Model,
    assert_read,
    assert_refused,
    factors,
    recorded,
    weights_of,
)

Q, K, V = factors(SHAPES["batch 2, heads 4"])
HIDDEN = torch.ones(Q.shape[2], K.shape[2]).triu(1).bool()


def plain(q, k, v):
    return (q @ k.mT * 0.4).softmax(-1).softmax(-1) @ v


def masked(q, k, v):
    return (q @ k.mT * 0.4).masked_fill(HIDDEN, -torch.inf).softmax(-1).softmax(-1) @ v


def keys_by_queries(q, k, v):
    return (k @ q.mT * 0.4).softmax(-2).softmax(-2).mT @ v


@pytest.mark.parametrize("mode", ["no_grad", "grad", "inference"])
@pytest.mark.parametrize("form", [plain, masked, keys_by_queries])
def test_it_is_read_and_said(form, mode):
    recording = recorded(Model(Attention(form, Q.shape[1])), mode, Q, K, V)
    assert_read(recording, weights_of(form, Q, K, V))
    one = recording["attention"]
    assert (
        "a softmax of a softmax: its scores are the weights of the first one" in one.source.notes[0]
    )
    assert one.source.kernel == "explicit bmm + softmax, twice"


def of_other_axes(q, k, v):
    """Of both axes, as matching networks normalise their scores."""
    return (q @ k.mT * 0.4).softmax(-1).softmax(-2) @ v


def of_a_part(q, k, v):
    return (q @ k.mT * 0.4).softmax(-1)[..., 1:].softmax(-1) @ v[..., 1:, :]


def scaled_in_between(q, k, v):
    return ((q @ k.mT * 0.4).softmax(-1) * 3).softmax(-1) @ v


@pytest.mark.parametrize("form", [of_a_part, scaled_in_between])
def test_of_a_part_or_of_changed_weights_it_is_refused(form):
    recording = recorded(Model(Attention(form, Q.shape[1])), "no_grad", Q, K, V)
    assert_refused(recording, "softmax was taken of weights that had been changed, or of a part")


def test_of_other_axes_the_first_map_says_that_it_met_no_values():
    recording = recorded(Model(Attention(of_other_axes, Q.shape[1])), "no_grad", Q, K, V)
    assert UNMET in recording["attention"].source.notes
    judge.assert_equal(recording["attention"].dense(), dense(Q, K, scale=0.4))


def test_it_is_read_whatever_the_shape():
    judge.judge(plain, "no_grad", "batch 3, heads 2")
