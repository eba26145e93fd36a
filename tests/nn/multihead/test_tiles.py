"""How scores are cut into tiles: every one once, within a budget."""

from __future__ import annotations

import pytest
import torch

from clearhead.nn.multihead import _tiles
from clearhead.nn.multihead._formula import Masking, plain_attention
from clearhead.nn.multihead._tiles import Problem, in_layout_of, problem_of, tile_budget

NOTHING = Masking(None, None, False)


def problem(
    *, average: bool = False, budget: int = 100, masking: Masking = NOTHING, length: int = 70
) -> Problem:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 3, 2, length, 4, dtype=torch.float64)
    return problem_of(query, key, value, masking, average, budget)


@pytest.mark.parametrize("budget", [1, 3000, 5000, 10000, 10**6])
@pytest.mark.parametrize("average", [False, True])
def test_every_score_lies_in_one_tile(average: bool, budget: int) -> None:
    one = problem(average=average, budget=budget)
    count, start = torch.zeros(3, 2, 70, 70, dtype=torch.int64), 0
    for tile in one.tiles():
        count[tile.batches, tile.heads, tile.rows, tile.columns] += 1
        assert tile.start == start
        start += tile.size
        assert not average or tile.heads == slice(0, 2)
        assert tile.size <= max(budget, (2 if average else 1) * 32 * 70)
    assert bool((count == 1).all())
    assert start == count.numel()


def test_what_lies_beyond_a_causal_tile_is_not_computed_where_it_is_not_shown() -> None:
    one = problem(average=True, masking=Masking(None, None, True))
    assert [(tile.rows, tile.columns) for tile in one.tiles()][:3] == [
        (slice(0, 32), slice(0, 32)), (slice(32, 64), slice(0, 64)), (slice(64, 70), slice(0, 70)),
    ]  # fmt: skip
    assert one.largest() == 2 * 32 * 64


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("kind", ["none", "causal", "mask", "blocked"])
def test_tiles_hold_the_weights_of_the_formula(kind: str, average: bool) -> None:
    mask, blocked = None, None
    if kind == "mask":
        mask = torch.randn(3, 1, 70, 70, dtype=torch.float64)
    if kind == "blocked":
        blocked = (torch.arange(70) == 40)[None, None, :, None]
    masking = Masking(mask, blocked, kind == "causal")
    one = problem(average=average, masking=masking)
    _, weights = plain_attention(one.query, one.key, one.value, masking)
    memory = torch.full((one.largest(),), torch.nan, dtype=torch.float64)
    for tile in one.tiles():
        actual = one.fill(tile, tile.view(memory, one_behind_the_other=False))
        expected = weights[tile.batches, tile.heads, tile.rows, tile.columns]
        torch.testing.assert_close(actual, expected)


def test_parts_of_tensors_that_are_one_wide_stay_whole() -> None:
    tile = list(problem(budget=1).tiles())[-1]
    wide, narrow = torch.randn(3, 2, 70, 70), torch.randn(3, 1, 1, 70)
    assert torch.equal(tile.of(wide), wide[2:, 1:, 64:])
    assert torch.equal(tile.of(narrow), narrow[2:])
    assert torch.equal(tile.of_keys(wide), wide[2:, 1:])


def test_half_precision_is_cut_up_in_float32() -> None:
    half = torch.ones(1, 1, 2, 2, dtype=torch.float16)
    one = problem_of(half, half, half, Masking(half, None, False), False, 1)
    tensors = (one.query, one.key, one.value, one.masking.mask)
    assert {x.dtype for x in tensors} == {torch.float32}


def test_several_threads_have_larger_tiles() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert tile_budget(torch.ones(1)) == _tiles.TILE_ELEMENTS
        torch.set_num_threads(2)
        assert tile_budget(torch.ones(1)) == _tiles.TILE_ELEMENTS_SHARED
    finally:
        torch.set_num_threads(before)
    assert tile_budget(torch.ones(1, device="meta")) == _tiles.TILE_ELEMENTS_ELSEWHERE


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (3, 1, 0, 2)])
def test_an_empty_tensor_has_the_axes_of_another_without_its_gaps(order: tuple[int, ...]) -> None:
    x = torch.empty(2, 6, 4, 5)[:, ::2].permute(order)
    empty = in_layout_of(x)
    assert empty.shape == x.shape
    ranks = [sorted(range(4), key=y.stride, reverse=True) for y in (x, empty)]
    assert ranks[0] == ranks[1]
    assert sorted(empty.stride())[0] == 1
    assert empty.untyped_storage().nbytes() == 4 * x.numel()
