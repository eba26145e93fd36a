"""One softmax over several products: bands, blocks and columns of a few chosen keys."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.maps.strangers.judge import (
    MODES,
    Attention,
    Model,
    assert_read,
    assert_refused,
    factors,
    recorded,
    weights_of,
)

SHAPE = (2, 3, 12, 12, 8)
GLOBAL, WINDOW, BLOCK = 2, 2, 4
FORMS = {}


def form(function):
    FORMS[function.__name__] = function
    return function


def by_diagonals(x: Tensor) -> Tensor:
    """Rows [batch, heads, length, 2 * WINDOW + 1] to [batch, heads, blocks, WINDOW, 3 * WINDOW]."""
    x = x.unflatten(2, (-1, WINDOW))
    x = F.pad(x, (0, WINDOW + 1)).flatten(-2)[..., :-WINDOW]
    return x.unflatten(-1, (WINDOW, -1))[..., :-1]


def band(query: Tensor, key: Tensor) -> Tensor:
    """Scores of each query with the keys beside it, cut from overlapping chunks."""
    chunks = [x.unfold(2, 2 * WINDOW, WINDOW).mT for x in (query, key)]
    products = torch.einsum("bhcxd,bhcyd->bhcxy", *chunks)
    products = F.pad(products, (0, 0, 0, 1)).reshape(*products.shape[:3], 2 * WINDOW, -1)
    count = products.shape[2]
    out = products.new_zeros(*products.shape[:2], count + 1, WINDOW, 2 * WINDOW + 1)
    out[:, :, :-1, :, WINDOW:] = products[:, :, :, :WINDOW, : WINDOW + 1]
    out[:, :, -1, :, WINDOW:] = products[:, :, -1, WINDOW:, : WINDOW + 1]
    out[:, :, 1:, :, :WINDOW] = products[:, :, :, -(WINDOW + 1) : -1, WINDOW + 1 :]
    out[:, :, 0, 1:WINDOW, 1:WINDOW] = products[:, :, 0, : WINDOW - 1, 1 - WINDOW :]
    out = out.flatten(2, 3)
    place = torch.arange(out.shape[2])[:, None] + torch.arange(-WINDOW, WINDOW + 1)
    outside = (place < 0) | (place >= out.shape[2])
    return out.masked_fill(outside, -torch.inf)


def banded_values(weights: Tensor, value: Tensor) -> Tensor:
    padded = F.pad(value, (0, 0, WINDOW, WINDOW), value=-1.0)
    chunks = padded.unfold(2, 3 * WINDOW, WINDOW).mT
    return torch.einsum("bhcwd,bhcdv->bhcwv", by_diagonals(weights), chunks).flatten(2, 3)


@form
def a_band_of_diagonals(query, key, value):
    return banded_values((band(query, key) / 3).softmax(-1), value)


@form
def a_band_beside_columns(query, key, value):
    scores = band(query, key)
    place = torch.arange(scores.shape[2])[:, None] + torch.arange(-WINDOW, WINDOW + 1)
    scores = scores.masked_fill((place >= 0) & (place < GLOBAL), torch.finfo(scores.dtype).min)
    columns = query @ key[:, :, [0, 1]].mT
    weights = torch.cat([columns, scores], -1).softmax(-1)
    first = weights[..., :GLOBAL].clone() @ value[:, :, [0, 1]]
    return first + banded_values(weights[..., GLOBAL:].contiguous(), value)


@form
def blocks_beside_columns(query, key, value):
    blocks = [x.unflatten(2, (-1, BLOCK)) for x in (query, key, value)]
    others = torch.einsum("bhnqd,bhgd->bhnqg", blocks[0], key[:, :, :GLOBAL])
    own = torch.einsum("bhnqd,bhnkd->bhnqk", blocks[0], blocks[1])
    where = torch.arange(query.shape[2]).view(-1, 1, BLOCK) < GLOBAL
    own = own.masked_fill(where, -torch.inf)
    weights = torch.cat([others, own], -1).softmax(-1)
    out = torch.einsum("bhnqg,bhgd->bhnqd", weights[..., :GLOBAL], value[:, :, :GLOBAL])
    out = out + torch.einsum("bhnqk,bhnkd->bhnqd", weights[..., GLOBAL:], blocks[2])
    return out.flatten(2, 3)


@form
def random_blocks_some_of_them_twice(query, key, value):
    blocks = [x.unflatten(2, (-1, BLOCK)) for x in (query, key, value)]
    drawn = torch.tensor([[0, 0], [2, 1], [1, 0]])  # beside each block's own and the first one
    keys, values = (x[:, :, drawn].flatten(3, 4) for x in blocks[1:])
    parts = [
        torch.einsum("bhnqd,bhkd->bhnqk", blocks[0], blocks[1][:, :, 0]),
        blocks[0] @ blocks[1].mT,
        blocks[0] @ keys.mT,
    ]
    weights = torch.cat([part * 0.4 for part in parts], -1).softmax(-1)
    out = torch.einsum("bhnqk,bhkd->bhnqd", weights[..., :BLOCK], blocks[2][:, :, 0])
    out += weights[..., BLOCK : 2 * BLOCK] @ blocks[2]
    out += weights[..., 2 * BLOCK :] @ values
    return out.flatten(2, 3)


@form
def two_sets_of_keys(query, key, value):
    others = key[:, :, :5] * 2  # numbers of their own, and so keys of their own
    weights = torch.cat([query @ others.mT, query @ key.mT], -1).softmax(-1)
    return weights @ torch.cat([value[:, :, :5], value], 2)


def truth_of(name: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    if name != "two_sets_of_keys":
        return weights_of(FORMS[name], query, key, value)
    query, key = query.double(), key.double()
    return (query @ torch.cat([key[:, :, :5] * 2, key], 2).mT).softmax(-1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FORMS)
def test_parts_of_products_are_one_map(name, mode):
    query, key, value = factors(SHAPE)
    recording = recorded(Model(Attention(FORMS[name], 3)), mode, query, key, value, values=True)
    assert_read(recording, truth_of(name, query, key, value))
    one = recording["attention"]
    output = FORMS[name](query, key, value)
    assert (recording.head_outputs["attention"] - output).abs().max() < 1e-5
    assert one.query_offset == one.shape[3] - one.shape[2]


def test_rows_set_to_zero_attend_to_nothing():
    def padded(query, key, value):
        weights = band(query, key).softmax(-1)
        dead = torch.arange(query.shape[2])[:, None] >= 9
        return banded_values(weights.masked_fill(dead, 0.0), value)

    query, key, value = factors(SHAPE)
    truth = weights_of(padded, query, key, value)
    assert not truth[:, :, 9:].any()
    assert_read(recorded(Model(Attention(padded, 3)), "no_grad", query, key, value), truth)


def weights_dropped(query, key, value):
    weights = band(query, key).softmax(-1)
    return banded_values(weights.masked_fill(torch.arange(5) == WINDOW, 0.0), value)


def weights_scaled(query, key, value):
    return banded_values(band(query, key).softmax(-1).square(), value)


def a_column_of_sinks(query, key, value):
    scores = band(query, key)
    weights = torch.cat([scores, scores.new_zeros(*scores.shape[:3], 2)], -1).softmax(-1)
    return banded_values(weights[..., :-2].contiguous(), value)


REFUSED = {
    "did not meet the values": weights_dropped,
    "changed between softmax and values": weights_scaled,
    "are no products of queries and keys": a_column_of_sinks,
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_not_one_attention_is_refused(words):
    query, key, value = factors(SHAPE)
    recording = recorded(Model(Attention(REFUSED[words], 3)), "no_grad", query, key, value)
    assert_refused(recording, words)
