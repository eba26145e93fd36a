"""Attention in plain operators: edited exactly, or refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearhead.errors import ConfigError
from tests.interventions.attention.forms import EDITS, assert_exact, run
from tests.maps.strangers import test_changed_weights as changed
from tests.maps.strangers import test_not_silent as unusual
from tests.maps.strangers import test_refused_falsely as refusable
from tests.maps.strangers.judge import factors

CAUSAL = torch.ones(5, 5).triu(1).bool()


def plain(q, k, v):
    return (q @ k.mT * 0.4).masked_fill(CAUSAL, -1e9).softmax(-1) @ v


def einsum_in_another_order(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / 8**0.5
    return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).transpose(1, 2)


def with_sinks(q, k, v):
    scores = torch.cat([q @ k.mT, torch.ones(*q.shape[:3], 1, dtype=q.dtype)], -1)
    return nn.functional.dropout(scores.softmax(-1)[..., :-1], 0.0) @ v


def added_in_place(q, k, v):
    scores = torch.baddbmm(q.new_zeros(1), q.flatten(0, 1), k.flatten(0, 1).mT, beta=0)
    scores += torch.where(CAUSAL, -1e4, 0.0)
    scores = scores.unflatten(0, q.shape[:2])
    return torch.matmul(nn.Softmax(-1)(scores), v)


FORMS = [plain, einsum_in_another_order, added_in_place, refusable.shifted_by_its_highest]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_exact(form, edit):
    assert_exact(form, edit)


@pytest.mark.parametrize("edit", ["a head", "weights of a head", "a value"])
@pytest.mark.parametrize(
    "change",
    [changed.renormalised, changed.mul_in_place, changed.view_zeroed, changed.mean_over_heads_kept],
    ids=lambda change: change.__name__,
)
def test_weights_that_are_changed_behind_the_softmax(change, edit):
    """The edit is of the weights that meet the values."""
    assert_exact(changed.form_of(change), edit)


def test_sinks_are_no_keys():
    with_edge = run(with_sinks, lambda part: part.edge(3, 4).remove(), (2, 4, 5, 5, 8), 4)
    query, key, value = factors((2, 4, 5, 5, 8))
    scores = torch.cat([query @ key.mT, torch.ones(2, 4, 5, 1)], -1)
    scores[:, :, 3, 4] = -torch.inf
    torch.testing.assert_close(with_edge, scores.softmax(-1)[..., :-1] @ value)
    assert_exact(with_sinks, "weights of a head")


@pytest.mark.parametrize("hidden", [-torch.inf, torch.finfo(torch.float32).min])
@pytest.mark.parametrize("kind", ["fused", "written out"])
def test_a_query_without_any_key_has_an_output_of_0(kind, hidden):
    def form(q, k, v):
        mask = torch.where(CAUSAL, hidden, 0.0).to(q.dtype)
        if kind == "fused":
            return nn.functional.scaled_dot_product_attention(q, k, v, mask)
        return (q @ k.mT + mask).softmax(-1) @ v

    output = run(form, lambda part: part.edge(0, 0).remove(), (2, 4, 5, 5, 8), 4)
    assert float(output[:, :, 0].abs().max()) == 0
    assert float(output[:, :, 1:].abs().min()) > 0


REFUSED = [
    unusual.scores_and_values_by_sums,
    unusual.elu_linear,
    unusual.without_softmax,
    refusable.exp_by_hand,
    refusable.online,
    changed.form_of(changed.flipped),
    changed.form_of(changed.talking_by_linear),
]


@pytest.mark.parametrize("edit", ["a head", "weights of a head", "edges of a head"])
@pytest.mark.parametrize("form", REFUSED, ids=lambda form: form.__qualname__)
def test_what_cannot_be_followed_is_refused(form, edit):
    with pytest.raises(ConfigError, match="no attention that can be edited exactly"):
        run(form, EDITS[edit][0], (2, 4, 5, 5, 8), 4)


def test_a_product_that_is_none_of_an_attention():
    def form(q, k, v):
        return (q @ k.mT).tanh() @ v

    with pytest.raises(ConfigError, match="edited in a product that then met no softmax"):
        run(form, lambda part: part.query.scale(2.0), (2, 4, 5, 5, 8), 4)


def test_a_sum_of_two_products_has_not_one_query():
    def form(q, k, v):
        return (q @ k.mT + q.flip(-1) @ k.mT).softmax(-1) @ v

    with pytest.raises(ConfigError, match="are a sum of 2 products"):
        run(form, lambda part: part.query.scale(2.0), (2, 4, 5, 5, 8), 4)
    assert_exact(form, "edges of a head")


def test_weights_that_meet_values_twice():
    def form(q, k, v):
        weights = (q @ k.mT).softmax(-1)
        return weights @ v + weights @ v.flip(-1)

    with pytest.raises(ConfigError, match="meet values more than once"):
        run(form, lambda part: part.head(1).zero(), (2, 4, 5, 5, 8), 4)
