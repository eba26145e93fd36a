from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.key_mask import intersection
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.maps.scores.masks.key_runs import KeyRuns, runs_of_keys

masks = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(0, 2**32 - 1)).map(
    lambda sizes: (
        torch.rand(2, 1, sizes[0], sizes[1], generator=torch.Generator().manual_seed(sizes[2]))
        > 0.5
    )
)


def runs_of(visible):
    key_len = visible.shape[-1]
    keys = torch.where(visible, torch.arange(key_len), key_len).sort(-1).values
    return KeyRuns(*runs_of_keys(keys, key_len), key_len)


@given(masks)
def test_runs_say_what_the_whole_mask_says(visible):
    runs, dense = runs_of(visible), DenseMask(visible)
    assert torch.equal(runs.dense().visible, visible)
    assert torch.equal(runs.sees(), dense.sees())
    rows, columns = torch.arange(0, visible.shape[2], 2), torch.arange(0, visible.shape[3], 2)
    part = runs.tile(rows, columns, batch=slice(1, 2))
    assert torch.equal(part, visible[1:, :, ::2, ::2])
    hull = runs.ranges.tile(slice(None), torch.arange(visible.shape[3]))
    assert not (visible & ~hull).any()


@given(masks, st.data())
def test_intersections(visible, data):
    size = visible.shape[2:]
    numbers = st.lists(st.integers(0, size[1]), min_size=size[0], max_size=size[0])
    start, end = (torch.tensor(data.draw(numbers), dtype=torch.int32) for _ in range(2))
    ranges = KeyRanges(start[None, None], end[None, None])
    both = intersection(runs_of(visible), ranges)
    assert isinstance(both, KeyRuns)
    assert torch.equal(
        both.dense().visible, visible & ranges.tile(slice(None), torch.arange(size[1]))
    )


def test_memory_is_that_of_the_runs():
    place = torch.arange(4096)[:, None] + torch.arange(-2, 3)
    place = place.masked_fill((place < 1) | (place >= 4096), 4096)
    keys = torch.cat([torch.zeros(4096, 1).long(), place], -1)
    runs = KeyRuns(*runs_of_keys(keys.sort(-1).values[None, None], 4096), 4096)
    assert runs.nbytes == 4096 * 2 * 2 * 4
    assert runs.describe() == "mask of 2 runs of keys per query"
    assert runs.to("cpu").nbytes == runs.nbytes


@given(masks)
def test_a_part_is_still_runs(visible):
    part = runs_of(visible).part(slice(0, 1), torch.tensor([1]))
    assert isinstance(part, KeyRuns)
    assert torch.equal(part.dense().visible, visible[1:, :, :1])
