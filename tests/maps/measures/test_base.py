"""A measure of one's own: what it is told, and that it disturbs no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps import Entropy, TopK
from clearhead.maps.measures.base import Accumulator, Measure, PassContext, Tile
from clearhead.maps.storage import tile_plan
from tests.maps.dense import Case

OPTIONS = [
    {},
    {"causal": True},
    {"window": (4, 1), "softcap": 3.0},
    {"mask": torch.arange(40) % 7 > torch.arange(30)[:, None] % 8},
    {"sinks": torch.tensor([0.5, -1.0, 0.0, 3.0]), "causal": True, "causal_offset": -2},
]


def random_case(**options):
    torch.manual_seed(0)
    query = torch.randn(2, 4, 30, 8, dtype=torch.float64)
    key, value = torch.randn(2, 2, 2, 40, 8, dtype=torch.float64)
    return Case(query, key, value, options)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 9)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 8)


@dataclass(frozen=True)
class Everything(Measure):
    """All that the tiles say, put together again."""

    scores: bool = True
    name: ClassVar[str] = "everything"

    @property
    def needs_scores(self):
        return self.scores

    def begin(self, context):
        return _Everything(context)


class _Everything(Accumulator):
    def __init__(self, context):
        super().__init__()
        self.context = context
        self.told = context.per_query(dtype=torch.int64)
        self.weights = context.per_query(context.shape[3])
        self.lse = context.per_query(fill=-torch.inf)
        self.mean_score, self.total = context.per_query(), context.per_query()
        self.received = context.sums(context.shape[3])
        self.tiles = []

    def add(self, tile):
        assert tile.scratch.shape == tile.weights.shape
        self.told[tile.queries] += 1
        self.weights[(*tile.queries, tile.columns)] = tile.weights
        self.received[tile.keys] += tile.weights.sum(-2)
        if tile.lse is not None:
            self.lse[tile.queries] = tile.lse
        if tile.mean_score is not None:
            self.mean_score[tile.queries] = tile.mean_score
        self.total[tile.queries] = 1 if tile.total is None else tile.total
        self.tiles.append((tile.lse is None, tile.mean_score is None, tile.total is None))

    def result(self):
        return self


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.usefixtures("small_tiles")
def test_the_tiles_together_are_the_map(options):
    case = random_case(**options)
    weights, scores = case.weights(), case.scores()
    alive = weights.sum(-1) > 0
    told = case.map.measure(Everything())[Everything()]
    assert len(told.tiles) > 4
    assert bool((told.told[alive] == 1).all())
    assert bool((told.told <= 1).all())
    torch.testing.assert_close(told.weights, weights, rtol=0, atol=1e-14)
    torch.testing.assert_close(told.received, weights.sum(-2), rtol=0, atol=1e-13)
    lse = scores.logsumexp(-1)
    if "sinks" in options:
        lse = torch.logaddexp(lse, options["sinks"].double()[:, None])
    torch.testing.assert_close(told.lse[alive], lse[alive], rtol=0, atol=1e-13)
    mean_score = (weights * scores.nan_to_num(neginf=0.0)).sum(-1)
    torch.testing.assert_close(told.mean_score[alive], mean_score[alive], rtol=0, atol=1e-13)
    torch.testing.assert_close(told.total[alive], weights.sum(-1)[alive], rtol=0, atol=1e-14)


@pytest.mark.usefixtures("small_tiles")
def test_scores_are_told_only_where_they_are_asked_for():
    attention_map = random_case().map
    without, needing = Everything(scores=False), Everything()
    assert set(attention_map.measure(without)[without].tiles) == {(True, True, True)}
    assert set(attention_map.measure(needing)[needing].tiles) == {(False, False, True)}


@dataclass(frozen=True)
class Careless(Measure):
    """Leaves its numbers lying about in the space that is for working in."""

    name: ClassVar[str] = "careless"

    def begin(self, context):
        return _Careless()


class _Careless(Accumulator):
    def add(self, tile):
        tile.scratch.fill_(torch.nan)

    def result(self):
        return None


def test_what_a_measure_leaves_in_its_space_to_work_in_reaches_no_other():
    names = ("entropy", "received", "distance", "diagonal", "sink", "topk", "lse")
    alone = random_case(causal=True).map.measure(*names)
    beside = random_case(causal=True).map.measure(Careless(), *names, TopK(3, "contribution"))
    for name in names:
        pairs = zip(alone[name], beside[name], strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    assert not bool(beside[TopK(3, "contribution")].values.isnan().any())


@dataclass(frozen=True)
class Norms(Measure):
    name: ClassVar[str] = "norms"
    needs_values: ClassVar[bool] = True

    def begin(self, context):
        return _Told(context)


class _Told(_Careless):
    def __init__(self, context):
        super().__init__()
        self.context = context

    def result(self):
        return self.context


def test_a_measure_is_told_of_the_map_beforehand():
    case = random_case(causal=True, causal_offset=10)
    context = case.map.measure(Norms())[Norms()]
    assert context.shape == (2, 4, 30, 40)
    assert (context.dtype, context.query_offset) == (torch.float64, 10)
    norms = case.value.norm(dim=-1).repeat_interleave(2, 1)  # each for the two heads that share it
    torch.testing.assert_close(context.value_norms, norms, rtol=1e-14, atol=0)
    case.options.clear()
    without = Case(case.query, case.key, None).map
    with pytest.raises(ConfigError, match="kept no values: record with values=True"):
        without.measure(Norms())
    assert without.measure(Entropy())[Entropy()].shape == (2, 4, 30)


def test_results_are_made_to_the_size_of_the_map():
    context = PassContext((2, 3, 5, 7), torch.float32, torch.device("cpu"))
    assert context.value_norms is None
    per_query = context.per_query(4, fill=-1)
    assert (per_query.shape, per_query.dtype) == ((2, 3, 5, 4), torch.float32)
    assert bool((per_query == -1).all())
    assert context.per_query(dtype=torch.int64).dtype == torch.int64
    sums = context.sums(6)
    assert (sums.shape, sums.dtype) == ((2, 3, 6), torch.float64)
    assert not bool(sums.any())


def test_a_tile_knows_its_queries_and_keys():
    place = (slice(0, 1), slice(2, 4), slice(3, 5), slice(1, 7))
    tile = Tile(*place, torch.ones(1, 2, 2, 6), torch.empty(1, 2, 2, 6))
    assert tile.queries == place[:3]
    assert tile.keys == (place[0], place[1], place[3])
    assert (tile.lse, tile.mean_score, tile.total) == (None, None, None)
