"""How maps are cut up: every entry once, in tiles that are bounded."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.storage import tile_plan
from clearhead.maps.storage.tile_plan import SharedWorks, Work, plan_of, steps

CASES = [(1, 1, 1, 5, 7), (3, 4, 2, 6, 6), (2, 8, 8, 3, 40), (1, 6, 2, 90, 50), (5, 2, 1, 1, 300)]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(("batch", "heads", "kv_heads", "query_len", "key_len"), CASES)
def test_the_works_are_the_whole_map(
    monkeypatch, batch, heads, kv_heads, query_len, key_len, workers
):
    monkeypatch.setattr(tile_plan, "CPU_TILE", 400)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 2)
    query = torch.empty(batch, heads, query_len, 4)
    plan = plan_of(query, torch.empty(batch, kv_heads, key_len, 4), workers)
    count = torch.zeros(batch, kv_heads, query_len, dtype=torch.int64)
    for work in plan.works:
        count[work.batch, work.kv_heads, work.rows] += 1
        rows = min(plan.rows, work.rows.stop - work.rows.start)
        sides = (work.batch.stop - work.batch.start, work.kv_heads.stop - work.kv_heads.start)
        assert sides[0] * sides[1] * heads // kv_heads * rows * key_len <= plan.entries
    assert bool((count == 1).all())
    one_head_and_least_rows = max(2, heads // kv_heads) * key_len
    assert plan.entries <= max(400, one_head_and_least_rows)


def test_works_are_handed_out_once():
    works = [Work(slice(0, 1), slice(0, 1), part) for part in steps(7, 3)]
    assert [work.rows for work in SharedWorks(works)] == [slice(0, 3), slice(3, 6), slice(6, 7)]


def test_rows_of_a_slanted_map_are_cut_into_four():
    query, key = torch.empty(1, 8, 512, 4), torch.empty(1, 8, 512, 4)
    assert plan_of(query, key, 1).rows == 512
    assert plan_of(query, key, 1, slanted=True).rows == 128
    few = torch.empty(1, 8, 80, 4)
    assert plan_of(few, few, 1, slanted=True).rows == 64  # fewer would be slow
