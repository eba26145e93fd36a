"""Biases of the steps of a generation: kept once where they agree, each by itself where not."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recording.steps.shared_bias import add_part
from clearhead.maps.scores.bias import DenseBias, ToeplitzBias
from clearhead.maps.scores.merged_scoring import CallScoring, merged
from clearhead.maps.scores.scoring import Scoring

HEADS, LENGTH = 2, 9
torch.manual_seed(0)
DISTANCE = torch.randn(HEADS, 2 * LENGTH)[
    :, torch.arange(LENGTH) - torch.arange(LENGTH)[:, None] + LENGTH
]
BY_KEY = torch.randn(HEADS, 1, LENGTH).expand(-1, LENGTH, -1)


def part(bias: torch.Tensor, first: int, end: int) -> CallScoring:
    """A step of the queries from one to before another, against the keys up to them."""
    query, key = torch.zeros(1, HEADS, end - first, 1), torch.zeros(1, HEADS, end, 1)
    scoring = Scoring.of(
        query, key, bias=bias[None, :, first:end, :end], causal=True, causal_offset=first
    )
    return CallScoring(scoring, end - first, end, 0)


def steps(bias: torch.Tensor, *ends: int):
    """(parts, shared) after steps that end at these tokens."""
    begins = (0, *ends[:-1])
    parts, shared = [part(bias, 0, ends[0])], ()
    for first, end in zip(begins[1:], ends[1:], strict=True):
        shared = add_part(parts, part(bias, first, end), shared)
    return parts, shared


@pytest.mark.parametrize("ends", [(1, 2, 3, 4), (4, 5, 6), (3, 7, 9), (1, 4, 5)])
@pytest.mark.parametrize(("bias", "kind"), [(DISTANCE, ToeplitzBias), (BY_KEY, DenseBias)])
def test_one_row_stands_for_all_steps(bias, kind, ends):
    parts, shared = steps(bias, *ends)
    assert all(one.scoring.bias is None for one in parts)
    length = ends[-1]
    whole = shared[0].of(length, length)
    assert isinstance(whole, kind)
    visible = torch.ones(length, length).tril().bool()
    tile = whole.tile(slice(0, length), slice(0, length)).expand(1, HEADS, length, length)
    expected = bias[None, :, :length, :length]
    assert torch.equal(tile[..., visible], expected[..., visible])
    assert shared[0].nbytes == HEADS * length * 4


def test_a_step_that_disagrees_gives_all_their_own_again():
    parts, shared = steps(DISTANCE, 3, 4, 5)
    other = part(DISTANCE + 1, 5, 6)
    assert add_part(parts, other, shared) == ()
    assert parts[-1] is other
    whole = merged(parts, 6).bias.tile(slice(0, 6), slice(0, 6))
    visible = torch.ones(6, 6).tril().bool()
    expected = DISTANCE[None, :, :6, :6].clone()
    expected[:, :, 5] += 1
    assert torch.equal(whole[..., visible], expected[..., visible])


def test_what_is_no_such_bias():
    for bias in (torch.randn(HEADS, LENGTH, LENGTH), torch.zeros(HEADS, LENGTH, LENGTH)):
        parts, shared = steps(bias, 3, 4)
        assert shared == ()
        assert len(parts) == 2
    rows = [part(DISTANCE, 0, 3), part(DISTANCE, 3, 4)]
    both = DenseBias(rows[1].scoring.bias.values.repeat(2, 1, 1, 1))
    of_each = Scoring(1.0, bias=both)
    parts = [rows[0]]
    assert add_part(parts, CallScoring(of_each, 1, 4, 0), ()) == ()
    assert parts[0].scoring.bias is not None
