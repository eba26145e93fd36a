"""What rows are divided by, told exactly wherever they lie."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores.denominators import Denominators, normalised, with_sinks
from clearhead.maps.scores.positions import ALL


def rows(seed, offset, dtype, dead):
    torch.manual_seed(seed)
    scores = torch.randn(2, 3, 4, 5, dtype=torch.float64) + offset
    scores = scores.masked_fill(torch.rand(scores.shape) < 0.3, -torch.inf)
    if dead:
        scores[0, 1, 2] = -torch.inf
    return scores.to(dtype)


@given(
    st.integers(0, 10**6),
    st.sampled_from([0.0, -1e4, 1e9]),
    st.sampled_from([torch.float32, torch.float64]),
    st.booleans(),
    st.booleans(),
)
def test_whole_rows_are_those_of_a_softmax_in_float64(seed, offset, dtype, dead, with_sink):
    scores = rows(seed, offset, dtype, dead)
    sinks = torch.randn(3, dtype=torch.float64) + offset if with_sink else None
    truth = scores.double()
    if sinks is not None:
        column = sinks[:, None, None].expand(2, 3, 4, 1)
        truth = torch.cat([truth, column], -1)
    truth = truth.softmax(-1)[..., :5].nan_to_num(0.0)
    given_sinks = None if sinks is None else sinks.to(dtype)
    if dtype == torch.float32 and abs(offset) > 1 and sinks is not None:
        truth_sinks = given_sinks.double()[:, None, None].expand(2, 3, 4, 1)
        truth = torch.cat([scores.double(), truth_sinks], -1).softmax(-1)[..., :5].nan_to_num(0.0)
    actual = normalised(scores.clone(), torch.float32, sinks=given_sinks)
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual.double(), truth, rtol=0, atol=1e-6)


def test_what_cannot_be_dead_is_not_looked_at():
    scores = torch.randn(1, 2, 3, 4)
    expected = scores.softmax(-1)
    actual = normalised(scores.clone(), torch.float32, may_be_dead=False)
    torch.testing.assert_close(actual, expected)
    assert normalised(torch.zeros(1, 2, 0, 4), torch.float32).shape == (1, 2, 0, 4)


@pytest.mark.parametrize("offset", [0.0, -1e9, 1e15])
def test_weights_of_some_keys_of_some_rows(offset):
    scores = torch.randn(2, 3, 4, 5, dtype=torch.float64).round(decimals=1) + offset
    scores[0, 1, 2] = -torch.inf
    highest = scores.amax(-1)
    log_sum = (scores - highest.nan_to_num(neginf=0.0)[..., None]).logsumexp(-1)
    known = Denominators(highest, log_sum.nan_to_num(neginf=0.0).float())
    part = known.at(slice(1, 4), ALL, torch.tensor([2, 1]))
    assert part.highest.shape == (2, 2, 3)
    actual = part.weights(scores[:, [2, 1], 1:4, 2:4].clone())
    truth = scores.softmax(-1).nan_to_num(0.0)[:, [2, 1], 1:4, 2:4]
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual.double(), truth, rtol=0, atol=1e-6)
    assert known.nbytes == 24 * 12
    assert known.lse.dtype == torch.float32
    assert bool((known.lse[0, 1, 2] == -torch.inf).all())


def test_a_sink_far_above_takes_all_and_one_far_below_nothing():
    highest = torch.tensor([[[-1e9], [-1e9]]], dtype=torch.float64)
    log_sum = torch.full((1, 2, 1), 0.5)
    together, total = with_sinks(highest, log_sum, torch.tensor([0.0, -2e9]))
    assert together.flatten().tolist() == [1e9, 0.5]
    assert total.flatten().tolist() == [0.0, 1.0]
