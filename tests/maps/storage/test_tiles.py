"""The pass: many tiles say what one says, threads what one thread says, and failures come out."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import AttentionMap, Pooled, TopK
from clearhead.maps.measures.base import Accumulator
from clearhead.maps.storage import tile_plan, tiles

MEASURES = ("entropy", "received", "distance", TopK(5), Pooled(7, 9), Pooled(7, 9, "max"))


def random_map(batch=3, heads=4, kv_heads=2, length=90, **options):
    torch.manual_seed(0)
    query = torch.randn(batch, length, heads, 16).transpose(1, 2)
    key = torch.randn(batch, length, kv_heads, 16).transpose(1, 2)
    return AttentionMap.of(query, key, **options)


def assert_same(one, other):
    for actual, expected in zip(one.values(), other.values(), strict=True):
        parts = (actual, expected) if isinstance(actual, tuple) else ((actual,), (expected,))
        for a, b in zip(*parts, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": (5, 0)}])
@pytest.mark.parametrize("entries", [1 << 10, 1 << 14, 1 << 16])
def test_the_size_of_tiles_changes_nothing(monkeypatch, options, entries):
    attention_map = random_map(**options)
    whole = attention_map.measure(*MEASURES)
    monkeypatch.setattr(tile_plan, "CPU_TILE", entries)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 8)
    assert_same(attention_map.measure(*MEASURES), whole)


@pytest.mark.parametrize("shape", [{}, {"batch": 1, "heads": 1, "kv_heads": 1}])
def test_threads_change_nothing_and_leave_the_number_of_threads(monkeypatch, shape):
    attention_map = random_map(**shape, causal=True)
    alone = attention_map.measure(*MEASURES)
    monkeypatch.setattr(tile_plan, "_WORTH_THREADS", 0)
    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 11)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 8)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        query, key = attention_map.query, attention_map.key
        assert tile_plan.worker_count(query, key) == 3
        assert_same(attention_map.measure(*MEASURES), alone)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_keys_that_no_row_of_a_tile_may_see_are_not_computed(monkeypatch):
    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 10)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 10)
    attention_map = random_map(1, 1, 1, 100, window=(4, 0))
    tiles_run = []

    class Watch(Accumulator):
        def add(self, tile):
            tiles_run.append((tile.rows, tile.columns))

        def result(self):
            return None

    tiles.TilePass(attention_map.query, attention_map.key, attention_map.scoring).run([Watch()])
    assert [rows for rows, _ in tiles_run] == [slice(i, i + 10) for i in range(0, 100, 10)]
    assert [c for _, c in tiles_run] == [slice(max(i - 4, 0), i + 10) for i in range(0, 100, 10)]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_measure_that_fails_is_heard(monkeypatch, threads):
    class Failing(Accumulator):
        def add(self, tile):
            raise RuntimeError("no such tile")

        def result(self):
            return None

    attention_map = random_map()
    monkeypatch.setattr(tiles, "worker_count", lambda *_: threads)
    before = torch.get_num_threads()
    work = tiles.TilePass(attention_map.query, attention_map.key, attention_map.scoring)
    with pytest.raises(RuntimeError, match="no such tile"):
        work.run([Failing()])
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pass_can_be_ended_before_any_tile(monkeypatch, threads):
    class Enough(Exception):
        pass

    class Watch(Accumulator):
        def add(self, tile):
            tiles_run.append(tile.rows)

        def result(self):
            return None

    def check():
        if len(tiles_run) >= 3:
            raise Enough

    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 10)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 10)
    monkeypatch.setattr(tile_plan, "_WORTH_THREADS", 0)
    tiles_run, before = [], torch.get_num_threads()
    attention_map = random_map(1, 2, 2, 100)
    torch.set_num_threads(threads)
    try:
        across = tiles.TilePass(
            attention_map.query, attention_map.key, attention_map.scoring, check=check
        )
        with pytest.raises(Enough):
            across.run([Watch()])
    finally:
        torch.set_num_threads(before)
    assert 3 <= len(tiles_run) <= 3 + threads  # of 20
    with pytest.raises(Enough):
        attention_map.measure("entropy", check=check)
    tiles_run.clear()
    assert attention_map.measure("entropy", check=check)["entropy"].shape == (1, 2, 100)


@pytest.mark.parametrize(
    ("options", "widths"),
    [({}, {200}), ({"causal": True}, {64, 128, 192, 200}), ({"window": (10, 0)}, {64, 74, 18})],
)
def test_rows_that_see_few_keys_are_computed_apart(options, widths):
    class Widths(Accumulator):
        def __init__(self):
            super().__init__()
            self.widths = set()

        def add(self, tile):
            self.widths.add(tile.columns.stop - tile.columns.start)

        def result(self):
            return self.widths

    attention_map = random_map(length=200, kv_heads=4, **options)
    counts = Widths()
    tiles.TilePass(attention_map.query, attention_map.key, attention_map.scoring).run([counts])
    assert counts.widths == widths
