"""Masks of any form, with ranges of keys beside them, against plain boolean masks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores import positions as axis_positions
from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.positions import indices
from tests.maps.scores.masks.run_masks import dense, of_mask, places, positions, run_masks

CPU = torch.device("cpu")


@given(run_masks(5, 7), run_masks(5, 7), st.integers(0, 10**6), st.data())
def test_a_mask_with_holes_within_ranges_is_all_three(one, other, seed, data):
    torch.manual_seed(seed)
    shape = [data.draw(st.sampled_from([1, size])) for size in (2, 3, 5)]
    holes = torch.rand(*shape, 7) < 0.6
    masks = DenseMask(holes), DenseMask(holes).intersect(of_mask(one))
    masks = (*masks, masks[1].intersect(of_mask(other)))
    for actual, expected in zip(
        masks, (holes, holes & one, holes & one & other.expand(2, 3, -1, -1)), strict=True
    ):
        expected = expected.expand(2, 3, 5, 7)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(axis_positions, "_CHUNK_ENTRIES", 30)
            assert torch.equal(actual.sees().expand(2, 3, 5), expected.any(-1))
        batch, heads, rows, columns = (data.draw(positions(size)) for size in (2, 3, 5, 7))
        columns = indices(columns, 7, CPU)
        part = expected[batch][:, heads][:, :, rows][..., columns]
        assert torch.equal(actual.tile(rows, columns, batch, heads).expand_as(part), part)


def test_words_and_memory():
    i, j = places(4, 6)
    causal, packed = of_mask((j <= i + 2)[None, None]), of_mask((i // 2 == j // 2)[None, None])
    holes = DenseMask(torch.tensor([[[[True, False, True, True, False, True]]]]))
    assert holes.describe() == "mask [1, 1, 1, 6]"
    assert holes.intersect(causal).describe() == "mask [1, 1, 1, 6] in ranges"
    assert (holes.nbytes, holes.intersect(packed).nbytes) == (6, 6 + 32)
    on_device = holes.intersect(packed).to("cpu")
    assert torch.equal(dense(on_device, 6)[0, 0], dense(holes, 6)[0, 0] & (i // 2 == j // 2))
