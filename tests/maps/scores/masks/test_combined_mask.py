"""Masks, biases, windows and modifications of one call, as one mask."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps.scores.bias import DenseBias, ToeplitzBias
from clearhead.maps.scores.masks.combined_mask import combined_mask
from clearhead.maps.scores.masks.compact_mask import CompactMask
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.maps.scores.positions import ALL

SHAPE = (1, 2, 4, 6)
LOWEST = torch.finfo(torch.float32).min
ROW, KEY = torch.arange(4)[:, None], torch.arange(6)


def combine(mask=None, bias=None, dtype=torch.float32, **options):
    usual = {
        "causal": False, "causal_offset": 0, "window": None, "mask_mod": None, "has_sinks": False,
        "added_in": None,
    }  # fmt: skip
    return combined_mask(mask, bias, SHAPE, dtype, torch.device("cpu"), **{**usual, **options})


def visible_keys(effect):
    if effect.mask is None:
        return torch.ones(SHAPE, dtype=torch.bool)
    return effect.mask.tile(ALL, KEY).expand(SHAPE)


def test_of_nothing_nothing_comes():
    effect = combine()
    assert (effect.mask, effect.bias, effect.flat) == (None, None, None)


@pytest.mark.parametrize(
    ("options", "visible"),
    [
        ({"causal": True}, KEY <= ROW),
        ({"causal": True, "causal_offset": 2}, KEY <= ROW + 2),
        ({"window": 1}, (KEY >= ROW - 1) & (KEY <= ROW + 1)),
        ({"window": (1, None)}, KEY >= ROW - 1),
        ({"window": (0, 2), "causal": True, "causal_offset": 1}, KEY == ROW + 1),
        ({"mask": KEY < 3, "causal": True}, (KEY < 3) & (KEY <= ROW)),
        ({"mask": KEY % 2 == 0, "causal": True}, (KEY % 2 == 0) & (KEY <= ROW)),
        (
            {"mask_mod": lambda b, h, i, j: j != i + h},
            torch.stack([KEY != ROW, KEY != ROW + 1]),
        ),
        ({"mask_mod": lambda b, h, i, j: j <= i, "mask": KEY > 0}, (KEY > 0) & (KEY <= ROW)),
        (
            {"mask": torch.where(KEY < 3, 0.0, -torch.inf), "window": (0, None)},
            (KEY < 3) & (KEY >= ROW),
        ),
    ],
)
def test_a_key_is_visible_where_all_of_them_let_it_be(options, visible):
    assert torch.equal(visible_keys(combine(**options)), visible.expand(SHAPE))


def test_biases_add_up_and_stay_small():
    slopes, per_key = 0.5 * (KEY - ROW).float(), torch.arange(6.0)
    effect = combine(mask=CompactMask(bias=DenseBias(per_key[None, None, None])), bias=slopes)
    torch.testing.assert_close(effect.bias.tile(ALL, ALL)[0, 0], slopes + per_key)
    assert isinstance(combine(bias=slopes).bias, ToeplitzBias)
    ready = ToeplitzBias(torch.randn(1, 2, 9), 4)
    assert combine(bias=ready).bias is ready


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("low", [LOWEST, LOWEST / 2, -torch.inf])
def test_a_bias_beside_a_mask_of_lowest_numbers_is_what_is_added(dtype, low):
    mask, bias = torch.where(KEY < 3, 0.25, low), torch.randn(2, 4, 6)
    effect = combine(mask=mask.expand(4, 6), bias=bias, dtype=dtype)
    assert isinstance(effect.mask, KeyRanges)
    assert torch.equal(visible_keys(effect), (KEY < 3).expand(SHAPE))
    total = effect.bias.tile(ALL, ALL)[..., :3]
    torch.testing.assert_close(total.double(), (bias.double() + 0.25)[None, ..., :3])


def test_a_row_that_mask_and_bias_hide_together_attends_to_what_they_hide_least():
    mask = torch.where(KEY < 3, 0.0, LOWEST).expand(4, 6)
    bias = torch.where((KEY < 3) & (ROW == 1), 0.75 * LOWEST, 0.0)
    effect = combine(mask=mask, bias=bias)
    assert effect.flat.flatten().tolist() == [False, True, False, False]
    assert torch.equal(visible_keys(effect), (KEY < 3).expand(SHAPE))


def test_sinks_take_all_of_a_row_whose_scores_a_mask_swallows():
    mask = torch.zeros(4, 6).masked_fill(ROW == 2, LOWEST)
    even = combine(mask=mask)
    assert even.flat.flatten().tolist() == [False, False, True, False]
    assert visible_keys(even).all()
    beside_sinks = combine(mask=mask, has_sinks=True)
    assert beside_sinks.flat is None
    assert torch.equal(visible_keys(beside_sinks), (ROW != 2).expand(SHAPE))


def test_the_lowest_float16_swallows_no_scores_of_float32():
    mask = torch.full((4, 6), torch.finfo(torch.float16).min, dtype=torch.float16)
    assert combine(mask=mask).flat.all()
    effect = combine(mask=mask, added_in=torch.float32)
    assert effect.flat is None
    assert float(effect.bias.tile(ALL, ALL).max()) == -65504


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"mask": torch.ones(5, 6).bool()}, ShapeError, r"mask of shape \(5, 6\) does not broad"),
        ({"bias": torch.ones(5)}, ShapeError, r"bias of shape \(5,\) does not broadcast"),
        ({"bias": torch.ones(6).int()}, ConfigError, "A bias is floating"),
        ({"window": -1}, ConfigError, r"0 or more, or None; got -1"),
        ({"window": (None, -2)}, ConfigError, r"0 or more, or None; got \(None, -2\)"),
    ],
)
def test_what_makes_no_mask_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        combine(**options)
