"""Biases in their smallest form, every entry as it was."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.maps import AttentionMap
from clearhead.maps.scores import positions as axis_positions
from clearhead.maps.scores.bias import DenseBias, ToeplitzBias, compact_bias
from clearhead.maps.scores.positions import ALL


def by_distance(values, query_len, key_len):
    """values[..., j - i + query_len - 1], written out."""
    distance = torch.arange(key_len) - torch.arange(query_len)[:, None]
    return values[..., distance + query_len - 1]


def t5_bias(query_len, key_len, heads=3, buckets=8, farthest=32):
    """One learned number per head and bucket of distance (Raffel et al. 2020)."""
    torch.manual_seed(0)
    distance = torch.arange(key_len) - torch.arange(query_len)[:, None]
    exact = buckets // 4
    near = distance.abs()
    far = exact + (near.clamp(min=1) / exact).log() / math.log(farthest / exact) * exact
    bucket = torch.where(near < exact, near, far.long().clamp(max=2 * exact - 1))
    bucket = bucket + (distance > 0) * (buckets // 2)
    return torch.randn(1, heads, buckets)[..., bucket]


def alibi_bias(query_len, key_len, heads=4):
    """A slope per head times the distance (Press et al. 2022)."""
    slopes = 2.0 ** (-8 * torch.arange(1, heads + 1) / heads)
    distance = torch.arange(key_len) - torch.arange(query_len)[:, None]
    return -slopes[None, :, None, None] * distance.abs()


def positions(size):
    ends = st.lists(st.integers(0, size), min_size=2, max_size=2)
    vector = st.lists(st.integers(0, size - 1), min_size=1, max_size=4).map(torch.tensor)
    return ends.map(lambda both: slice(*sorted(both))) | vector


def assert_tiles(found, whole, data):
    """Some part of a compact bias is that part of the dense one."""
    parts = [data.draw(positions(size)) for size in whole.shape]
    batch, heads, rows, columns = parts
    expected = whole[batch][:, heads][:, :, rows][..., columns]
    tile = found.tile(rows, columns, batch, heads)
    assert torch.equal(tile.expand_as(expected), expected)


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10**6), st.data())
def test_a_bias_by_distance_is_one_number_per_diagonal(query_len, key_len, seed, data):
    torch.manual_seed(seed)
    lead = data.draw(st.sampled_from([1, 2])), data.draw(st.sampled_from([1, 3]))
    values = torch.randn(*lead, query_len + key_len - 1)
    whole = by_distance(values, query_len, key_len)
    found = compact_bias(whole, query_len, key_len)
    assert isinstance(found, ToeplitzBias)
    assert torch.equal(found.values, values)
    assert torch.equal(found.tile(ALL, ALL), whole)
    assert_tiles(found, whole.expand(2, 3, -1, -1), data)


@pytest.mark.parametrize("bias", [t5_bias, alibi_bias])
@pytest.mark.parametrize(("query_len", "key_len"), [(64, 64), (65, 40), (150, 170), (2, 200)])
@pytest.mark.parametrize("causal", [False, True])
def test_the_biases_of_t5_and_alibi_are_linear_in_the_length(bias, query_len, key_len, causal):
    whole = bias(query_len, key_len)
    visible = None
    if causal:
        visible = torch.ones(query_len, key_len, dtype=torch.bool).tril(max(key_len - query_len, 0))
        visible = visible.expand_as(whole)
        whole = whole.masked_fill(~visible, -torch.inf)
    found = compact_bias(whole, query_len, key_len, visible)
    assert isinstance(found, ToeplitzBias)
    assert found.nbytes == whole.shape[1] * (query_len + key_len - 1) * 4
    in_sight = torch.ones_like(whole, dtype=torch.bool) if visible is None else visible
    assert torch.equal(found.tile(ALL, ALL)[in_sight], whole[in_sight])
    rows, columns = slice(query_len // 3, query_len), slice(key_len // 2, key_len)
    part = in_sight[:, 1:2, rows, columns]
    tile = found.tile(rows, columns, heads=slice(1, 2))
    assert torch.equal(tile[part], whole[:, 1:2, rows, columns][part])


@pytest.mark.parametrize("row", [0, 63, 64, 100, 128, 129])
@pytest.mark.parametrize("column", [0, 50, 89])
def test_one_entry_off_its_diagonal_is_seen(row, column):
    """Unless it is the only entry of its diagonal."""
    whole = alibi_bias(130, 90)
    whole[0, 2, row, column] += 2.0**-10
    found = compact_bias(whole, 130, 90)
    alone = (row, column) in ((0, 89), (129, 0))
    assert isinstance(found, ToeplitzBias if alone else DenseBias)
    assert torch.equal(found.tile(ALL, ALL), whole)


@pytest.mark.parametrize("where", [63, 64, 65, 128])
@pytest.mark.parametrize("kind", ["distance", "key"])
def test_two_halves_that_disagree_are_no_bias_by_distance_or_key(where, kind):
    """The rows are looked at in pieces of 64; each piece alone would do."""
    torch.manual_seed(0)
    whole = (
        alibi_bias(140, 20) if kind == "distance" else torch.randn(1, 1, 1, 20).repeat(1, 4, 140, 1)
    )
    whole[:, :, where:] += 1
    found = compact_bias(whole, 140, 20)
    assert isinstance(found, DenseBias)
    assert torch.equal(found.values, whole)


@pytest.mark.parametrize("query_len", [2, 64, 65, 200])
def test_a_bias_by_key_is_one_row(query_len):
    """ALiBi as BLOOM adds it: slope times the key's position, as the softmax of a row allows."""
    row = 2.0 ** -torch.arange(1.0, 5)[None, :, None, None] * torch.arange(9.0)
    found = compact_bias(row.repeat(2, 1, query_len, 1), query_len, 9)
    assert isinstance(found, DenseBias)
    assert torch.equal(found.values, row.expand(2, -1, -1, -1))


@st.composite
def small_biases(draw):
    """Of few different numbers, so that all forms turn up by chance; broadcast axes are one."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    sizes = (2, 2, draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    shape = [draw(st.sampled_from([1, size])) for size in sizes]
    chance = draw(st.sampled_from([0.0, 0.1, 0.5]))
    return (torch.rand(shape) < chance).float() * draw(st.sampled_from([1.0, -2.5])), sizes


@given(small_biases(), st.data())
def test_any_bias_is_kept_exactly(drawn, data):
    bias, sizes = drawn
    found = compact_bias(bias, *sizes[2:])
    assert (found is None) == bool((bias == 0).all())
    if found is not None:
        whole = bias.expand(sizes)
        assert torch.equal(found.tile(ALL, ALL).expand(sizes), whole)
        assert found.nbytes <= bias.nbytes or isinstance(found, ToeplitzBias)
        assert_tiles(found, whole, data)


@given(small_biases(), st.sampled_from([-torch.inf, torch.nan, 1e38]), st.data())
def test_what_is_forbidden_may_have_any_value_and_leaves_none(drawn, garbage, data):
    """-inf or not a number would else come out of a tile and spoil what is beside it."""
    bias, sizes = drawn
    visible = torch.rand(bias.shape) < data.draw(st.sampled_from([0.2, 0.8]))
    bias = bias.masked_fill(~visible, garbage)
    found = compact_bias(bias, *sizes[2:], visible)
    assert (found is None) == bool((bias[visible] == 0).all())
    if found is not None:
        tile = found.tile(ALL, ALL)
        assert torch.equal(
            tile.expand(sizes)[visible.expand(sizes)], bias.expand(sizes)[visible.expand(sizes)]
        )
        assert bool((tile.abs() < 1e38).all())


def test_forbidden_entries_do_not_hide_a_bias_by_distance():
    torch.manual_seed(0)
    values = torch.randn(1, 2, 29)
    whole = by_distance(values, 20, 10)
    visible = torch.rand(1, 2, 20, 10) < 0.7
    visible[:, 0].diagonal(dim1=-2, dim2=-1).fill_(False)
    found = compact_bias(whole.where(visible, torch.randn_like(whole)), 20, 10, visible)
    assert isinstance(found, ToeplitzBias)
    assert found.values[0, 0, 19] == 0  # a diagonal of which nothing is allowed
    assert torch.equal(found.tile(ALL, ALL)[visible], whole[visible])


def test_zeros_are_no_bias_wherever_they_are_looked_for(monkeypatch):
    monkeypatch.setattr(axis_positions, "_CHUNK_ENTRIES", 8)
    bias = torch.zeros(1, 1, 9, 4)
    assert compact_bias(bias, 9, 4) is None
    bias[..., 8, 0] = 1  # alone on its diagonal
    assert isinstance(compact_bias(bias, 9, 4), ToeplitzBias)
    assert compact_bias(bias, 9, 4, bias == 0) is None


@pytest.mark.parametrize("kind", ["any", "key", "row"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_bias_that_is_written_to_later_is_kept_as_it_was(kind, masked):
    torch.manual_seed(0)
    shape = (1, 1, 1, 5) if kind == "row" else (1, 1, 4, 5)
    bias = torch.randn(1, 1, 1, 5).repeat(1, 1, 4, 1) if kind == "key" else torch.randn(shape)
    before = bias.clone()
    found = compact_bias(bias, 4, 5, torch.ones_like(bias, dtype=torch.bool) if masked else None)
    bias.zero_()
    assert torch.equal(found.tile(ALL, ALL).expand_as(before), before)


def test_words_memory_and_device():
    toeplitz = ToeplitzBias(torch.randn(1, 2, 8), query_len=4)
    dense = DenseBias(torch.randn(1, 2, 4, 5))
    assert (toeplitz.describe(), dense.describe()) == ("bias by distance", "bias [1, 2, 4, 5]")
    assert (toeplitz.nbytes, dense.nbytes) == (64, 160)
    for bias in (toeplitz, dense):
        assert torch.equal(bias.to("cpu").tile(ALL, ALL), bias.tile(ALL, ALL))


@pytest.mark.parametrize("kind", ["causal", "column"])
def test_a_bias_may_forbid(kind):
    """bias= takes -inf too, and a query then has no weight there."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 4, 8)
    forbidden = torch.ones(4, 4).triu(1).bool() if kind == "causal" else torch.arange(4) == 3
    bias = torch.zeros(4, 4).masked_fill(forbidden, -torch.inf)
    expected = (query @ key.mT / math.sqrt(8) + bias).softmax(-1)
    torch.testing.assert_close(AttentionMap.of(query, key, bias=bias).dense(), expected)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64])
def test_a_bias_is_floating(dtype):
    with pytest.raises(ConfigError, match=rf"A bias is floating.*of {dtype}.*is a mask"):
        compact_bias(torch.ones(1, 1, 2, 2, dtype=dtype), 2, 2)
