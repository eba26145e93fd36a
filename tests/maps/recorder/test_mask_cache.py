"""Compact masks, computed once for each memory and forgotten when it is written to."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ShapeError
from clearhead.maps.recorder.mask_cache import MaskCache
from clearhead.maps.scores.positions import ALL

SHAPE = (1, 2, 4, 4)


def causal():
    return torch.ones(4, 4).tril().bool()


def visible_keys(compact):
    return compact.mask.tile(ALL, torch.arange(4))[0, 0]


def test_a_mask_is_made_compact_once():
    cache, mask = MaskCache(), causal()
    compact = cache.compact(mask, SHAPE)
    assert torch.equal(visible_keys(compact), mask)
    assert cache.compact(mask, SHAPE) is compact
    assert cache.compact(mask[:], SHAPE) is compact  # another tensor of the same memory


def test_other_views_and_other_shapes_are_other_masks():
    cache, mask = MaskCache(), causal()
    compact = cache.compact(mask, SHAPE)
    assert cache.compact(mask.mT, SHAPE) is not compact
    assert torch.equal(visible_keys(cache.compact(mask.mT, SHAPE)), mask.mT)
    assert cache.compact(mask, (2, 2, 4, 4)) is not compact
    last = cache.compact(mask[3:], SHAPE)
    assert last.mask is None


def test_a_mask_that_is_written_to_is_forgotten():
    cache, mask, other = MaskCache(), causal(), causal()
    compact = cache.compact(mask, SHAPE)
    cache.forget(other)
    assert cache.compact(mask, SHAPE) is compact
    mask[3, 0] = False
    cache.forget(mask[0])
    assert torch.equal(visible_keys(cache.compact(mask, SHAPE)), mask)


def test_a_float_mask_of_a_boolean_one_is_that_one():
    cache, mask = MaskCache(), causal()
    compact = cache.compact(mask, SHAPE)
    for _ in range(2):  # made anew for every call
        float_mask = torch.where(mask, 0.0, -torch.inf)
        cache.note_origin(float_mask, mask)
        assert cache.compact(float_mask, SHAPE) is compact
    # Once the boolean mask is written to, what was noted of it counts no more.
    cache.forget(mask)
    assert cache.compact(float_mask, SHAPE) is not compact


def test_many_masks_are_not_all_stored():
    cache, masks = MaskCache(), [causal() for _ in range(100)]
    compact = [cache.compact(mask, SHAPE) for mask in masks]
    assert cache.compact(masks[-1], SHAPE) is compact[-1]
    assert cache.compact(masks[0], SHAPE) is not compact[0]


def test_a_mask_that_does_not_fit_is_refused_each_time():
    cache = MaskCache()
    for _ in range(2):
        with pytest.raises(ShapeError, match=r"mask of shape \(4, 5\) does not broadcast"):
            cache.compact(torch.ones(4, 5).bool(), SHAPE)
