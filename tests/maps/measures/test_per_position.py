"""Measures, told of a map in tiles of any cut and order, against the dense weights."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.maps.measures.base import PassContext, Tile
from clearhead.maps.measures.per_position import (
    BY_NAME,
    Diagonal,
    Distance,
    Entropy,
    LogSumExp,
    Received,
    Sink,
    as_measure,
)
from clearhead.maps.measures.topk import TopK
from tests.maps.dense import entropy

CPU = torch.device("cpu")


def pieces(draw, length):
    """Slices that cover a length, cut anywhere."""
    cuts = draw(st.sets(st.integers(1, length - 1), max_size=3)) if length > 1 else set()
    borders = [0, *sorted(cuts), length]
    return [slice(a, b) for a, b in zip(borders, borders[1:], strict=False)]


@st.composite
def tiled_maps(draw):
    """(scores, weights, lse, tiles), all float64; of some queries nothing may be attended to."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    batch, heads, query_len, key_len = (draw(st.integers(1, most)) for most in (2, 3, 8, 8))
    scores = torch.randn(batch, heads, query_len, key_len, dtype=torch.float64)
    start, end = torch.randint(0, key_len + 1, (2, batch, heads, query_len, 1))
    columns = torch.arange(key_len)
    visible = (columns >= start) & (columns < end)
    scores = scores.masked_fill(~visible, -torch.inf)
    lse = scores.logsumexp(-1)
    if draw(st.booleans()):
        lse = torch.logaddexp(lse, torch.randn(heads, 1, dtype=torch.float64))  # with sinks
    weights = (scores - lse[..., None]).exp().nan_to_num(0.0)
    tiles = []
    for b in pieces(draw, batch):
        for h in pieces(draw, heads):
            for r in pieces(draw, query_len):
                seen = visible[b, h, r].flatten(0, 2).any(0).nonzero().flatten().tolist()
                if seen:
                    part = slice(seen[0], seen[-1] + 1)
                    tiles.append(tile_of(scores, weights, lse, (b, h, r, part)))
    return scores, weights, lse, draw(st.permutations(tiles))


def tile_of(scores, weights, lse, place):
    part = weights[place].clone()
    highest = scores[place[:3]].amax(-1)
    live = highest > -torch.inf
    log_sum = (lse[place[:3]] - highest).masked_fill(~live, 0)
    gaps = highest.masked_fill(~live, 0)[..., None] - scores[place].nan_to_num(neginf=0.0)
    mean_gap = (part * gaps).sum(-1)
    scratch = torch.full_like(part, torch.nan)
    return Tile(*place, part, scratch, highest, log_sum, mean_gap, part.sum(-1))


def measured(measure, tiles, shape, dtype=torch.float64, query_offset=0):
    running = measure.begin(PassContext(tuple(shape), dtype, CPU, query_offset))
    for tile in tiles:
        running.add(tile)
    found = running.result()
    assert found.dtype == dtype
    return found


def close(found, expected):
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)


@given(tiled_maps(), st.integers(-9, 9), st.integers(1, 9), st.integers(-3, 9))
def test_every_cut_into_tiles_gives_the_measures_of_the_whole(tiled, offset, count, query_offset):
    _, weights, lse, tiles = tiled
    shape = weights.shape
    dead = weights.sum(-1) == 0
    i, j = torch.arange(shape[2])[:, None], torch.arange(shape[3])
    close(measured(Entropy(), tiles, shape), entropy(weights))
    close(measured(LogSumExp(), tiles, shape).masked_fill(dead, 0), lse.masked_fill(dead, 0))
    close(measured(Received(), tiles, shape), weights.sum(-2))
    close(measured(Sink(count), tiles, shape), weights[..., :count].sum(-1))
    close(measured(Diagonal(offset), tiles, shape), (weights * (j == i + offset)).sum(-1))
    distance = (weights * (i + query_offset - j).abs()).sum(-1)
    close(measured(Distance(), tiles, shape, query_offset=query_offset), distance)


@pytest.mark.parametrize("measure", [Entropy(), Received(), Sink(), Diagonal(), Distance()])
def test_of_no_tiles_a_measure_is_zero(measure):
    size = (1, 2, 4) if measure == Received() else (1, 2, 3)
    assert torch.equal(measured(measure, [], (1, 2, 3, 4)), torch.zeros(size, dtype=torch.float64))


def test_of_no_tiles_the_log_of_the_denominator_is_that_of_zero():
    assert bool((measured(LogSumExp(), [], (1, 2, 3, 4)) == -torch.inf).all())


def whole_tile(weights, *rows):
    place = tuple(slice(0, size) for size in weights.shape)
    return Tile(*place, weights, torch.empty_like(weights), *rows)


@pytest.mark.parametrize("key_len", [1, 2, 1000])
@pytest.mark.parametrize("highest", [3, -1e9])
def test_entropy_is_between_that_of_one_key_and_that_of_all(key_len, highest):
    even = torch.full((1, 1, 2, key_len), 1 / key_len, dtype=torch.float64)
    log_sum = torch.full((1, 1, 2), math.log(key_len), dtype=torch.float64)
    rows = torch.full_like(log_sum, highest), log_sum, torch.zeros_like(log_sum)
    found = measured(Entropy(), [whole_tile(even, *rows)], even.shape)
    close(found, torch.full((1, 1, 2), math.log(key_len), dtype=torch.float64))


def test_entropy_is_never_below_zero():
    """The highest score less the mean, rounded, may lie below 0 for a query that sees one key."""
    weights = torch.ones(1, 1, 2, 1)
    highest = torch.tensor([[[5.0, -torch.inf]]])
    tile = whole_tile(weights, highest, torch.zeros(1, 1, 2), torch.tensor([[[-5e-7, 0.0]]]))
    found = measured(Entropy(), [tile], weights.shape, torch.float32)
    assert found.tolist() == [[[0.0, 0.0]]]


def test_entropy_of_a_query_whose_sink_takes_all_is_zero():
    """However far away the sink is."""
    highest = torch.tensor([[[-1e30, -3e38]]])
    rows = highest, torch.tensor([[[1e30, torch.inf]]]), torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)
    found = measured(Entropy(), [whole_tile(torch.zeros(1, 1, 2, 3), *rows)], (1, 1, 2, 3))
    assert found.tolist() == [[[0.0, 0.0]]]


def test_a_tile_tells_the_log_of_the_denominator_and_the_mean_score():
    scores = torch.tensor([[[[1.0, 3.0], [2.0, 2.0]]]], dtype=torch.float64)
    lse = scores.logsumexp(-1)
    weights = scores.softmax(-1)
    tile = tile_of(scores, weights, lse, tuple(slice(0, size) for size in scores.shape))
    close(tile.lse, lse)
    close(tile.mean_score, (weights * scores).sum(-1))
    unmasked = whole_tile(weights)
    assert (unmasked.lse, unmasked.mean_score) == (None, None)


def test_what_a_key_receives_adds_up_beyond_the_digits_of_float32():
    def tile(weight):
        return whole_tile(torch.full((1, 1, 1, 1), weight))

    tiles = [tile(1.0)] + [tile(3e-8)] * 1000
    found = measured(Received(), tiles, (1, 1, 1, 1), torch.float32)
    assert float(found) == pytest.approx(1.00003, abs=2e-7)


def test_a_measure_is_known_by_what_it_is_set_to():
    assert Sink(2) == Sink(2) != Sink(3)
    assert len({Diagonal(), Diagonal(0), Diagonal(-1), Entropy(), Entropy()}) == 3


def test_only_those_that_need_scores_say_so():
    needing = {name for name, measure in BY_NAME.items() if measure.needs_scores}
    assert needing == {"entropy", "lse"}


def test_names_stand_for_the_usual_settings():
    requests = {
        "entropy": Entropy(),
        "received": Received(),
        "distance": Distance(),
        "sink": Sink(1),
        "diagonal": Diagonal(0),
        "topk": TopK(8),
        "lse": LogSumExp(),
    }
    assert {name: as_measure(name) for name in requests} == requests == BY_NAME
    own = Sink(7)
    assert as_measure(own) is own


def test_unknown_names_are_answered_with_those_there_are():
    with pytest.raises(ConfigError) as refusal:
        as_measure("spread")
    assert str(refusal.value) == (
        "There is no measure 'spread'. Those with a name are diagonal, distance, entropy, lse, "
        "received, sink, topk; 'Pooled', 'Mass' have settings and are given as objects."
    )


@pytest.mark.parametrize("count", [0, -1])
def test_a_sink_of_no_keys_is_refused(count):
    with pytest.raises(ConfigError, match=rf"sink\(count\) needs at least one key, not {count}\."):
        Sink(count)
