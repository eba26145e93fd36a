"""The steps of a generation merged: each query has the scores that it had in its step."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import Scoring
from clearhead.maps.scores.bias import ToeplitzBias
from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.maps.scores.merged_scoring import CallScoring, merged

torch.manual_seed(0)
LENGTH = 6
Q, K = torch.randn(2, 4, LENGTH, 8), torch.randn(2, 2, LENGTH, 8)
ROW, KEY = torch.arange(LENGTH)[:, None], torch.arange(LENGTH)
CAUSAL = KEY <= ROW
HOLES = (torch.rand(2, 1, LENGTH, LENGTH) > 0.4) | (ROW == KEY)
SLOPES = torch.tensor([0.5, 1.0, 1.5, 2.0])[:, None, None] * (KEY - ROW)
STEPS = [slice(0, 3), slice(3, 4), slice(4, 6)]


def part(step, keys=None, mask=None, **options):
    """A step with the keys up to it, or with these; its part of a mask of the whole."""
    keys = slice(0, step.stop) if keys is None else keys
    sides = (step, keys)
    options = {name: x[..., step, keys] for name, x in options.items()}
    mask = None if mask is None else mask[..., sides[0], sides[1]]
    scoring = Scoring.of(Q[:, :, step], K[:, :, keys], mask=mask, **options)
    return CallScoring(scoring, step.stop - step.start, keys.stop - keys.start, keys.start)


def scores_of(mask, bias=None):
    options = {} if bias is None else {"bias": bias}
    return Scoring.of(Q, K, mask=mask, **options).tile(Q, K)


def assert_scores(scoring, expected):
    torch.testing.assert_close(scoring.tile(Q, K), expected)


def test_one_step_is_itself():
    one = part(slice(0, LENGTH), mask=CAUSAL)
    assert merged([one], LENGTH) is one.scoring


@pytest.mark.parametrize("first_mask", [KEY <= ROW, KEY < LENGTH], ids=["causal", "none"])
def test_a_full_cache(first_mask):
    """Every query sees the keys up to its step, fewer if its mask says so."""
    masks = [first_mask.expand(LENGTH, LENGTH), CAUSAL, CAUSAL]
    steps = [part(step, mask=mask) for step, mask in zip(STEPS, masks, strict=True)]
    scoring = merged(steps, LENGTH)
    assert isinstance(scoring.mask, KeyRanges)
    visible = torch.cat(
        [(mask & (step.stop > KEY))[step] for step, mask in zip(STEPS, masks, strict=True)]
    )
    assert_scores(scoring, scores_of(visible))


def test_steps_without_a_mask_see_all_of_their_keys():
    steps = [part(slice(0, 1)), part(slice(1, 4)), part(slice(4, 6), keys=slice(2, 6))]
    visible = (torch.tensor([1, 4, 4, 4, 6, 6])[:, None] > KEY) & ~((ROW >= 4) & (KEY < 2))
    scoring = merged(steps, LENGTH)
    assert isinstance(scoring.mask, KeyRanges)
    assert_scores(scoring, scores_of(visible))


def test_a_window_that_moves():
    steps = [
        part(step, keys=slice(max(step.stop - 3, 0), step.stop), mask=CAUSAL) for step in STEPS
    ]
    visible = (KEY <= ROW) & (torch.tensor([0, 0, 0, 1, 3, 3])[:, None] <= KEY)
    assert_scores(merged(steps, LENGTH), scores_of(visible))


def test_masks_with_holes_beside_steps_without_any():
    steps = [part(STEPS[0], mask=HOLES), part(STEPS[1]), part(STEPS[2], mask=CAUSAL)]
    visible = torch.where(ROW < 3, HOLES, KEY <= ROW) & (
        torch.tensor([3] * 3 + [4] + [6] * 2)[:, None] > KEY
    )
    scoring = merged(steps, LENGTH)
    assert isinstance(scoring.mask, DenseMask)
    assert_scores(scoring, scores_of(visible))


def test_keys_behind_the_last_one_in_use_are_cut():
    """A static cache has more keys than are in use."""
    steps = [part(step, keys=slice(0, LENGTH), mask=CAUSAL) for step in (slice(0, 3), slice(3, 4))]
    scoring = merged(steps, 4)
    expected = scores_of(CAUSAL)[:, :, :4, :4]
    torch.testing.assert_close(scoring.tile(Q[:, :, :4], K[:, :, :4]), expected)


def test_a_bias_by_distance_is_one_over_all_steps():
    scoring = merged([part(step, mask=CAUSAL, bias=SLOPES) for step in STEPS], LENGTH)
    assert isinstance(scoring.bias, ToeplitzBias)
    assert_scores(scoring, scores_of(CAUSAL, SLOPES))


def test_steps_without_a_bias_add_nothing():
    bias = torch.randn(2, 4, LENGTH, LENGTH)
    steps = [
        part(STEPS[0], mask=CAUSAL),
        part(STEPS[1], bias=bias),
        part(STEPS[2], mask=CAUSAL),
    ]
    expected = scores_of(CAUSAL, bias * (ROW == 3))
    assert_scores(merged(steps, LENGTH), expected)


def test_queries_that_attend_evenly_still_do():
    low = torch.zeros(LENGTH, LENGTH).masked_fill((ROW == 4), torch.finfo(torch.float32).min)
    scoring = merged([part(STEPS[0]), part(STEPS[1]), part(STEPS[2], mask=low)], LENGTH)
    assert scoring.flat.expand(2, 4, LENGTH)[0, 0].tolist() == [False] * 4 + [True, False]
    weights = scoring.tile(Q, K).softmax(-1)
    torch.testing.assert_close(weights[:, :, 4], torch.full((2, 4, LENGTH), 1 / LENGTH))
