"""Masks as models pass them, against their smallest form: exact in every entry."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps.scores import positions as axis_positions
from clearhead.maps.scores.bias import DenseBias, ToeplitzBias
from clearhead.maps.scores.masks.compact_mask import compact_mask, compact_mask_mod
from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.maps.scores.positions import ALL

CPU = torch.device("cpu")
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def shown(allowed, shape):
    """All of what is allowed."""
    if allowed is None:
        return torch.ones(shape, dtype=torch.bool)
    return allowed.tile(ALL, torch.arange(shape[3])).expand(shape)


def one_run(mask):
    """Whether each row has no more than one run of keys, counted one by one."""
    rows = mask.flatten(0, -2).tolist()
    return all(sum(allowed for allowed, _ in groupby(row)) <= 1 for row in rows)


@st.composite
def shapes(draw):
    return 2, 3, draw(st.integers(1, 7)), draw(st.integers(1, 7))


@st.composite
def boolean_masks(draw, shape):
    """Of any density, with axes left out, one wide, or expanded."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    sizes = [draw(st.sampled_from([1, size])) for size in shape]
    mask = torch.rand(sizes) < draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
    if draw(st.booleans()):
        return mask.expand(shape)
    while mask.ndim and mask.shape[0] == 1 and draw(st.booleans()):
        mask = mask[0]
    return mask


@given(shapes(), st.data())
def test_a_boolean_mask_is_exact_and_in_its_smallest_form(shape, data):
    mask = data.draw(boolean_masks(shape))
    whole = mask.expand(shape)
    actual = compact_mask(mask, shape)
    assert torch.equal(shown(actual.mask, shape), whole)
    assert (actual.bias, actual.flat) == (None, None)
    if bool(whole.all()):
        assert actual.mask is None
    else:
        assert isinstance(actual.mask, KeyRanges if one_run(whole) else DenseMask)
        assert torch.equal(actual.mask.sees().expand(shape[:3]), whole.any(-1))


def quarters(*shape):
    """Numbers that every dtype holds exactly, and their sums too."""
    return torch.randint(-4, 5, shape) / 4


@st.composite
def float_masks(draw, shape, dtype):
    """Biases with -inf and numbers near the lowest among them, in some rows nothing else."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    lowest = torch.finfo(dtype).min
    size = [draw(st.sampled_from([1, size])) for size in shape]
    if draw(st.booleans()):
        size[3] = shape[3]
    mask = quarters(*size).to(dtype) * draw(st.sampled_from([0.0, 1.0]))
    lows = draw(
        st.lists(st.sampled_from([lowest, lowest * 0.75, lowest / 2, -torch.inf]), min_size=1)
    )
    selection = torch.tensor(lows, dtype=dtype)[torch.randint(0, len(lows), size)]
    low = torch.rand(size) < draw(st.sampled_from([0.2, 0.7]))
    low |= torch.rand(*size[:3], 1) < 0.4
    return torch.where(low, selection, mask)


@given(shapes(), st.sampled_from(FLOATS), st.data())
def test_a_float_mask_gives_the_weights_that_adding_it_gives(shape, dtype, data):
    """Added in the mask's own dtype, where the lowest number swallows every score."""
    mask = data.draw(float_masks(shape, dtype))
    scores = quarters(*shape).to(dtype)
    truth = (scores + mask).double().softmax(-1).nan_to_num(0.0)

    actual = compact_mask(mask, shape)
    compacted = scores.double()
    if actual.bias is not None:
        tile = actual.bias.tile(ALL, ALL)
        assert bool(tile.isfinite().all())
        compacted = compacted + tile
    if actual.flat is not None:
        assert actual.flat.shape[-1] == shape[2]
        compacted = compacted.masked_fill(actual.flat.expand(shape[:3])[..., None], 0)
    allowed = shown(actual.mask, shape)
    weights = compacted.masked_fill(~allowed, -torch.inf).softmax(-1).nan_to_num(0.0)
    assert torch.equal(weights > 0, truth > 0)
    torch.testing.assert_close(weights, truth, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("low", ["-inf", "lowest", "lowest plus a bias", "half of it"])
@pytest.mark.parametrize("kind", ["causal", "left padding", "right padding", "holes"])
def test_a_float_mask_of_zeros_and_lows_is_a_boolean_one(dtype, low, kind):
    lowest = torch.finfo(dtype).min
    value = {"-inf": -torch.inf, "lowest": lowest, "half of it": lowest / 2}.get(low, lowest * 0.9)
    i, j = torch.arange(6)[:, None], torch.arange(9)
    allowed = {
        "causal": j <= i,
        "left padding": j >= torch.tensor([2, 5])[:, None, None, None],
        "right padding": j < torch.tensor([9, 4])[:, None, None, None],
        "holes": (j % 3 > 0) & (j <= i + 1),
    }[kind]
    mask = torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, value)
    actual = compact_mask(mask, (2, 4, 6, 9))
    assert (actual.bias, actual.flat) == (None, None)
    assert isinstance(actual.mask, DenseMask if kind == "holes" else KeyRanges)
    assert torch.equal(shown(actual.mask, (2, 4, 6, 9)), allowed.expand(2, 4, 6, 9))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_large_penalty_is_no_mask(dtype):
    """-10,000 was for long what models added; above half the lowest number it is a bias."""
    mask = torch.tensor([[0.0, -1e4, 0.0], [0.0, 1.0, -1e4]], dtype=dtype)
    actual = compact_mask(mask, (1, 1, 2, 3))
    assert actual.mask is None
    assert isinstance(actual.bias, DenseBias)
    assert torch.equal(actual.bias.tile(ALL, ALL)[0, 0], mask)


def test_swallowed_queries_attend_evenly_to_the_highest_that_is_left():
    lowest = torch.finfo(torch.float32).min
    mask = torch.tensor(
        [
            [lowest, lowest, lowest],
            [lowest, -torch.inf, lowest],
            [lowest, lowest * 0.75, lowest * 0.75],
            [lowest, 0.5, 0.25],
            [-torch.inf, -torch.inf, -torch.inf],
        ]
    )
    actual = compact_mask(mask, (1, 1, 5, 3))
    assert actual.flat.tolist() == [[[True, True, True, False, False]]]
    allowed = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 1], [0, 1, 1], [0, 0, 0]]).bool()
    assert torch.equal(shown(actual.mask, (1, 1, 5, 3))[0, 0], allowed)
    assert actual.bias.tile(slice(3, 4), ALL).flatten().tolist()[1:] == [0.5, 0.25]
    one_row = compact_mask(mask[:1], (2, 2, 4, 3))
    assert (one_row.mask, one_row.bias) == (None, None)
    assert torch.equal(one_row.flat, torch.ones(1, 1, 4, dtype=torch.bool))


def test_a_bias_by_distance_is_found_behind_a_mask():
    values = torch.randn(1, 3, 15)
    distance = torch.arange(8) - torch.arange(8)[:, None]
    allowed = torch.ones(8, 8, dtype=torch.bool).tril()
    whole = values[..., distance + 7]
    for low in (-torch.inf, torch.finfo(torch.float32).min):
        actual = compact_mask(whole.masked_fill(~allowed, low), (2, 3, 8, 8))
        assert isinstance(actual.bias, ToeplitzBias)
        assert isinstance(actual.mask, KeyRanges)
        assert torch.equal(shown(actual.mask, (2, 3, 8, 8)), allowed.expand(2, 3, 8, 8))
        assert torch.equal(actual.bias.tile(ALL, ALL)[..., allowed], whole[..., allowed])


@pytest.mark.parametrize("kind", ["holes", "float", "causal"])
def test_a_mask_that_is_written_to_later_is_kept_as_it_was(kind):
    torch.manual_seed(0)
    allowed = torch.rand(1, 1, 6, 9) < 0.5 if kind != "causal" else torch.ones(6, 9).tril().bool()
    mask = torch.where(allowed, torch.randn(1, 1, 6, 9), -torch.inf) if kind == "float" else allowed
    actual, before = compact_mask(mask, (2, 2, 6, 9)), mask.clone()
    mask.zero_()
    allowed = shown(actual.mask, (2, 2, 6, 9))
    if kind == "float":
        assert torch.equal(allowed, before.isfinite().expand(2, 2, 6, 9))
        tile = actual.bias.tile(ALL, ALL)
        assert torch.equal(tile[before.isfinite()], before[before.isfinite()])
    else:
        assert torch.equal(allowed, before.expand(2, 2, 6, 9))


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(
        ShapeError, match=r"mask of shape \(6, 8\) does not broadcast to the scores"
    ):
        compact_mask(torch.ones(6, 8).bool(), (2, 4, 6, 9))


@given(shapes(), st.data())
def test_a_mask_mod_is_asked_for_every_place(shape, data):
    mask = data.draw(boolean_masks(shape))
    whole = mask.expand(shape)
    table = whole.contiguous()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(axis_positions, "_CHUNK_ENTRIES", 60)
        actual = compact_mask_mod(lambda b, h, i, j: table[b, h, i, j], shape, CPU)
    assert torch.equal(shown(actual, shape), whole)
    if bool(whole.all()):
        assert actual is None
        return
    assert isinstance(actual, KeyRanges if one_run(whole) else DenseMask)
    tensor = actual.start if isinstance(actual, KeyRanges) else actual.visible
    for axis in (0, 1):  # what is the same for all is kept once
        same = bool((whole == whole.narrow(axis, 0, 1)).all())
        assert tensor.shape[axis] == (1 if same else shape[axis])


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8])
def test_a_mask_of_integers_could_mean_either(dtype):
    words = r"True where a query may attend, or floating.*of torch\.u?int\d+.*mask\.bool\(\)"
    with pytest.raises(ConfigError, match=words):
        compact_mask(torch.ones(1, 1, 1, 4, dtype=dtype), (1, 1, 2, 4))
