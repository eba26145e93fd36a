"""A number stands where a mask forbids, and nowhere else."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.forbidding import forbid
from clearhead.maps.scores.masks.key_ranges import KeyRanges

ALL = slice(0, 5)
ROWS = KeyRanges(torch.tensor([[[0, 0, 1, 2, 2]]]), torch.tensor([[[1, 2, 3, 2, 6]]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("columns", [slice(0, 6), slice(1, 5)])
@pytest.mark.parametrize("dense", [False, True])
def test_only_hidden_places_change(dtype, columns, dense):
    visible = ROWS.tile(ALL, torch.arange(6))
    mask = DenseMask(visible) if dense else ROWS
    whole = torch.randn(2, 3, 5, 6).to(dtype)
    whole[..., 0] = torch.nan
    scores = whole[..., columns].clone()
    expected = scores.masked_fill(~visible[..., columns], -7.0)
    one, three = slice(0, 2), slice(0, 3)
    with torch.inference_mode():
        scores = scores.clone()
        forbid(scores, mask, ALL, columns, one, three, value=-7.0)
    assert torch.equal(scores.nan_to_num(9.0), expected.nan_to_num(9.0))
