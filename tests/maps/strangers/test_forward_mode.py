"""Forward-mode differentiation beside a map: tangents are untouched, and the map is read."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import forward_ad
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.strangers.judge import Attention, Model, factors, weights_of
from tests.maps.strangers.test_normalised_late import masked_and_divided, numerators_first
from tests.maps.strangers.test_several_products import FORMS as OF_SEVERAL_PRODUCTS
from tests.maps.strangers.test_several_products import SHAPE

PRIMALS, TANGENTS = factors(SHAPE), factors(SHAPE, seed=1)


def masked(query, key, value):
    scores = query @ key.mT / 3
    hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ value


def by_exponentials(query, key, value):
    numerators = (query @ key.mT).exp()
    return (numerators / numerators.sum(-1, keepdim=True)) @ value


def by_einsum(query, key, value):
    weights = F.softmax(torch.einsum("bhqd,bhkd->bhqk", query, key), -1)
    return torch.einsum("bhqk,bhkd->bhqd", weights, value)


FORMS = {
    one.__name__: one
    for one in (masked, by_exponentials, by_einsum, masked_and_divided, numerators_first)
}
FORMS |= {name: one for name, one in OF_SEVERAL_PRODUCTS.items() if name != "two_sets_of_keys"}


def by_function(model):
    return torch.func.jvp(model, PRIMALS, TANGENTS)


def by_dual_tensors(model):
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(x, t) for x, t in zip(PRIMALS, TANGENTS, strict=True)]
        out = forward_ad.unpack_dual(model(*duals))
        return out.primal.clone(), out.tangent.clone()


@pytest.mark.parametrize("way", [by_function, by_dual_tensors])
@pytest.mark.parametrize("name", FORMS)
def test_tangents_are_untouched_and_the_map_is_read(name, way):
    model = Model(Attention(FORMS[name], SHAPE[1]))
    plain = way(model)
    with record(model) as recording:
        output = way(model)
    for one, other in zip(plain, output, strict=True):
        assert torch.equal(one, other)
    truth = weights_of(FORMS[name], *PRIMALS)
    assert (recording["attention"].dense() - truth).abs().max() < 1e-5
