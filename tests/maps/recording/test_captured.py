"""What a kernel was called with, without what was added for its sake."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import Scoring
from clearhead.maps.recording.captured import (
    CapturedAttention,
    attended_end,
    without_idle_keys,
    without_repeated_heads,
)
from clearhead.maps.scores.bias import DenseBias, ToeplitzBias
from tests.maps.attending import dense

LOWEST = torch.finfo(torch.float32).min


def attention(keys=7, zeros=0, values=False, **scoring):
    """Five queries and some keys, of which the last are zeros."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 4, 5, 8), torch.randn(2, 2, keys, 8)
    key[:, :, keys - zeros :] = 0
    value = torch.randn(2, 2, keys, 6) if values else None
    return CapturedAttention(query, key, Scoring.of(query, key, **scoring), "kernel", value=value)


# Heads that were repeated


@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_repeated_heads_become_one_again(group):
    key, value = torch.randn(2, 6 // group, 3, 4), torch.randn(2, 6 // group, 3, 5)
    both = without_repeated_heads(*(x.repeat_interleave(group, 1) for x in (key, value)))
    assert torch.equal(both[0], key)
    assert torch.equal(both[1], value)


def test_heads_are_repeated_only_where_keys_and_values_are():
    key, value = torch.randn(1, 2, 3, 4).repeat_interleave(2, 1), torch.randn(1, 4, 3, 4)
    assert without_repeated_heads(key, value)[0].shape[1] == 4
    assert without_repeated_heads(key, None)[0].shape[1] == 2
    assert without_repeated_heads(key, None)[1] is None


def test_heads_of_which_some_are_alike_are_no_groups():
    first, second = torch.randn(2, 1, 1, 3, 4)
    key = torch.cat([first, first, second, first], 1)
    assert without_repeated_heads(key, None)[0] is key


# Keys that nobody attends to


@pytest.mark.parametrize("bias", ["none", "distance", "dense", "per query"])
def test_zero_keys_behind_the_last_one_are_dropped(bias):
    biases = {
        "none": None,
        "distance": 0.1 * (torch.arange(7) - torch.arange(5)[:, None]),
        "dense": torch.randn(5, 7),
        "per query": torch.randn(2, 4, 5, 1),
    }
    mask = torch.arange(7) < 4
    padded = attention(zeros=3, values=True, mask=mask, bias=biases[bias])
    short = without_idle_keys(padded)
    assert short.key.shape == (2, 2, 4, 8)
    assert short.value.shape == (2, 2, 4, 6)
    kinds = {"none": type(None), "distance": ToeplitzBias}
    assert isinstance(short.scoring.bias, kinds.get(bias, DenseBias))
    scores = short.scoring.tile(short.query, short.key)
    torch.testing.assert_close(scores, padded.scoring.tile(padded.query, padded.key)[..., :4])
    expected = dense(padded.query, padded.key[:, :, :4])
    if bias == "none":
        torch.testing.assert_close(scores.softmax(-1).double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("zeros", "mask"),
    [
        (0, torch.arange(7) < 4),  # the keys behind are numbers
        (3, None),  # every query attends to them
        (3, torch.zeros(7).bool()),  # no query attends to anything
        (3, torch.tensor([True, False, True, True, False, False, False])),  # holes
    ],
)
def test_other_keys_stay(zeros, mask):
    captured = attention(zeros=zeros, mask=mask)
    assert without_idle_keys(captured) is captured


def test_the_end_of_what_is_attended_to():
    def end(mask, count_even=True):
        return attended_end(attention(mask=mask), count_even=count_even)

    assert end(None) == 7
    assert end(torch.arange(7) < 4) == 4
    assert end(torch.zeros(7).bool()) == 0
    assert end(torch.tensor([True, False, True, False, True, False, False])) == 5
    assert attended_end(attention(causal=True), count_even=True) == 5


@pytest.mark.parametrize("holes", [False, True])
def test_queries_that_attend_evenly_count_if_asked_to(holes):
    mask = torch.zeros(5, 7)
    mask[:, 4:] = LOWEST
    if holes:
        mask[:, 1] = LOWEST
    mask[2] = LOWEST
    captured = attention(mask=mask)
    assert captured.scoring.flat is not None
    assert attended_end(captured, count_even=True) == 7
    assert attended_end(captured, count_even=False) == 4
