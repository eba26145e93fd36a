"""How masks, biases and modifications become a Scoring, and that nothing is lost on the way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps import Scoring
from clearhead.maps.scores.bias import DenseBias, ToeplitzBias
from clearhead.maps.scores.masks.compact_mask import compact_mask
from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from tests.maps.dense import Case, cases

LOWEST = torch.finfo(torch.float32).min


def inputs(query_len=6, key_len=9):
    torch.manual_seed(0)
    return torch.randn(2, 4, query_len, 8), torch.randn(2, 2, key_len, 8)


def lower(query_len=6, key_len=9, offset=0):
    return torch.ones(query_len, key_len, dtype=torch.bool).tril(offset)


@given(cases(), st.data())
def test_a_tile_is_that_part_of_the_whole(case, data):
    """By slices and by vectors, of all heads and of some."""
    scoring = case.map.scoring
    whole = scoring.tile(case.query, case.key)
    positions = []
    for size in whole.shape:
        first = data.draw(st.integers(0, size - 1))
        last = data.draw(st.integers(first + 1, size))
        vector = st.lists(st.integers(0, size - 1), min_size=1, max_size=4).map(torch.tensor)
        positions.append(data.draw(st.just(slice(first, last)) | vector))
    batch, heads, rows, columns = positions
    tile = scoring.tile(case.query, case.key, rows, columns, batch=batch, heads=heads)
    expected = whole[batch][:, heads][:, :, rows][..., columns]
    torch.testing.assert_close(tile, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "mask",
    [
        lower(),
        lower(offset=3) & ~lower(offset=0),
        torch.arange(9) < 5,
        (torch.arange(9) >= torch.tensor([2, 4])[:, None])[:, None, None] & lower(offset=3),
        torch.tensor([True, False] * 3)[:, None],
        torch.zeros(2, 4, 6, 9, dtype=torch.bool),
    ],
)
def test_a_run_of_keys_per_query_is_kept_as_two_numbers(mask):
    actual = compact_mask(mask, (2, 4, 6, 9)).mask
    assert isinstance(actual, KeyRanges)
    assert actual.nbytes <= 8 * 2 * 4 * 6
    visible = actual.tile(slice(0, 6), torch.arange(9))
    assert torch.equal(visible.expand(2, 4, 6, 9), mask.expand(2, 4, 6, 9))
    assert torch.equal(actual.sees().expand(2, 4, 6), mask.expand(2, 4, 6, 9).any(-1))


def test_a_mask_with_holes_stays_as_narrow_as_it_came():
    query, key = inputs()
    mask = torch.tensor([True, False, True] * 3)
    actual = Scoring.of(query, key, mask=mask.expand(2, 1, 6, 9), causal=True).mask
    assert isinstance(actual, DenseMask)
    assert actual.visible.shape == (1, 1, 1, 9)
    assert actual.ranges is not None
    assert torch.equal(actual.sees()[0, 0], (mask & lower()).any(-1))


def test_masks_that_forbid_nothing_are_no_masks():
    assert compact_mask(torch.ones(6, 9, dtype=torch.bool), (2, 4, 6, 9)).mask is None
    actual = compact_mask(torch.zeros(6, 9), (2, 4, 6, 9))
    assert (actual.mask, actual.bias, actual.flat) == (None, None, None)


@pytest.mark.parametrize("low", [LOWEST, -torch.inf])
def test_a_float_mask_is_split_into_what_it_forbids_and_a_bias(low):
    values = torch.randn(4, 14)
    distance = torch.arange(9) - torch.arange(6)[:, None]
    mask = torch.where(lower(offset=2), values[:, distance + 5], low)
    actual = compact_mask(mask, (2, 4, 6, 9))
    assert isinstance(actual.mask, KeyRanges)
    assert isinstance(actual.bias, ToeplitzBias)
    tile = actual.bias.tile(slice(1, 4), slice(0, 3))[0]
    assert torch.equal(tile, mask[:, 1:4, :3])


def test_a_bias_that_depends_on_the_key_alone_is_one_row():
    actual = Scoring.of(*inputs(), bias=torch.randn(1, 1, 1, 9).repeat(2, 1, 6, 1)).bias
    assert isinstance(actual, DenseBias)
    assert actual.values.shape == (2, 1, 1, 9)
    assert isinstance(Scoring.of(*inputs(), bias=torch.randn(6, 9)).bias, DenseBias)


def test_a_query_whose_scores_are_swallowed_attends_evenly():
    """As in any softmax over scores to which the lowest number was added."""
    query, key = inputs()
    mask = torch.zeros(6, 9).masked_fill(~lower(), LOWEST)
    mask[:2, :] = LOWEST
    mask[1, 5:] = -torch.inf
    case = Case(query, key, key, {"mask": mask})
    torch.testing.assert_close(case.map[0, 0, 0], torch.full((9,), 1 / 9))
    torch.testing.assert_close(case.map[0, 0, 1, :5], torch.full((5,), 1 / 5))
    torch.testing.assert_close(case.map.dense().double(), case.weights(), rtol=0, atol=1e-6)


def test_flex_attentions_modifications_are_asked_for_every_place():
    table = torch.randn(2, 4, 6)
    options = {
        "score_mod": lambda score, b, h, i, j: score * 2 + table[b, h, i] - j,
        "mask_mod": lambda b, h, i, j: (i >= j) | (j == h),
    }
    case = Case(*inputs(), inputs()[1], options)
    assert isinstance(case.map.scoring.mask, DenseMask)
    torch.testing.assert_close(case.map.dense().double(), case.weights(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        case.map[1, 1:3, 2:4].double(), case.weights()[1, 1:3, 2:4], rtol=0, atol=1e-6
    )
    entropy = torch.special.entr(case.weights()).sum(-1)
    torch.testing.assert_close(case.map.entropy().double(), entropy, rtol=0, atol=3e-6)


def test_a_causal_mask_mod_is_two_numbers_per_query():
    actual = Scoring.of(*inputs(), mask_mod=lambda b, h, i, j: i >= j).mask
    assert isinstance(actual, KeyRanges)
    assert actual.start.shape == (1, 1, 6)
    assert Scoring.of(*inputs(), mask_mod=lambda b, h, i, j: j >= 0).mask is None


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"mask": torch.ones(5, 9).bool()}, ShapeError, r"mask of shape \(5, 9\) does not broad"),
        ({"bias": torch.ones(7)}, ShapeError, r"bias of shape \(7,\) does not broadcast"),
        ({"sinks": torch.ones(2)}, ShapeError, r"shape must be \(4,\); got \(2,\)"),
        ({"softcap": -1.0}, ConfigError, r"softcap must be above 0, .* got -1.0"),
        ({"window": (-1, 2)}, ConfigError, r"counts keys before and after: 0 or more"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        Scoring.of(*inputs(), **options)


@pytest.mark.parametrize(
    ("query", "key", "words"),
    [
        ((2, 6, 8), (2, 9, 8), "needs four axes"),
        ((2, 4, 6, 8), (1, 4, 9, 8), "Batch and head_dim of .* differ"),
        ((2, 4, 6, 8), (2, 3, 9, 8), "4 query heads cannot share 3 heads of keys"),
    ],
)
def test_queries_and_keys_that_do_not_fit_are_refused(query, key, words):
    with pytest.raises(ShapeError, match=words):
        Scoring.of(torch.zeros(query), torch.zeros(key))


def test_a_scoring_says_what_it_is():
    query, key = inputs()
    scoring = Scoring.of(query, key, causal=True, bias=torch.randn(6, 9), sinks=torch.zeros(4))
    assert str(scoring) == "scale 0.353553, causal mask, bias [1, 1, 6, 9], sinks"
    assert str(Scoring.of(query, key, mask=torch.arange(9) < 4)).endswith("padding mask")
    assert scoring.to("cpu").nbytes == scoring.nbytes > 6 * 9 * 4
