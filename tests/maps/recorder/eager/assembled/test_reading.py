from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.agreement import map_of
from clearhead.maps.recorder.eager._nodes import (
    Addition,
    Layout,
    Node,
    Product,
    storage_of,
    weak_reference,
)
from clearhead.maps.recorder.eager.assembled._movements import Movements
from clearhead.maps.recorder.eager.assembled._origins import Addresses, score_elements
from clearhead.maps.recorder.eager.assembled._places import arrangement
from clearhead.maps.recorder.eager.assembled._reading import read_assembled
from clearhead.maps.recorder.eager.assembled._replay import CONSTANT
from clearhead.maps.recording.captured import Unreadable
from clearhead.maps.scores.bias import DenseBias

QUERY, KEY = torch.randn(2, 3, 4), torch.randn(2, 5, 4)
COLUMNS = [slice(0, 5), slice(0, 1), slice(0, 1)]


def read(*terms, weights=None, columns=COLUMNS):
    """The first key comes three times; one term is added to each product."""
    movements, nodes, parts = Movements(), {}, []
    for part in columns:
        key = KEY[:, part]
        out = QUERY @ key.mT
        nodes[storage_of(out)] = Node(
            Layout.of(out), Product.of(QUERY, key.mT, "bmm"), weak_reference(out)
        )
        parts.append(out)
    scores = torch.cat(parts, -1)
    movements.note("cat", (parts, -1), {}, scores)
    for term in terms:
        before, scores = scores, scores + term
        movements.note_step(Addition(term), before, scores)
    where = Addresses(movements)
    elements = score_elements(scores, -1, nodes, movements, where)
    arrange = arrangement(elements, where, [])
    weights = scores.softmax(-1) if weights is None else weights
    return read_assembled(elements, where, arrange, scores, weights), weights


def dense_of(one):
    return map_of(one.captured).dense()


def summed(weights):
    out = weights[..., :5].clone()
    out[..., 0] += weights[..., 5:].sum(-1)
    return out


def test_a_key_that_comes_several_times_counts_as_often():
    one, weights = read()
    assert one.captured.query.shape == (2, 1, 3, 4)
    assert torch.allclose(dense_of(one)[:, 0], summed(weights), atol=1e-6)
    bias = one.captured.scoring.bias
    assert isinstance(bias, DenseBias)
    assert bias.values.shape[2] == 1  # the same for all queries, and so kept once


def test_terms_of_one_key_are_summed_as_exponentials():
    term = torch.tensor([0.5, 0, 0, 0, -1, 2, -3])
    one, weights = read(term)
    assert torch.allclose(dense_of(one)[:, 0], summed(weights), atol=1e-6)


def test_low_terms_hide_a_key():
    term = torch.tensor([0.0, torch.finfo(torch.float32).min, 0, -1e4, 0, -torch.inf, -torch.inf])
    one, weights = read(term)
    assert one.hidden[0, 0, 0].tolist() == [False, True, False, True, False, True, True]
    assert torch.allclose(dense_of(one)[:, 0], summed(weights), atol=1e-6)
    assert one.captured.scoring.bias is None


def test_weights_that_are_others_are_refused():
    with pytest.raises(Unreadable, match="does not reproduce the model's own weights"):
        read(weights=torch.full((2, 3, 7), 1 / 7))


def test_hidden_places_are_of_no_key():
    one, _ = read()
    assert (one.places != CONSTANT).all()
    assert not one.hidden.any()
