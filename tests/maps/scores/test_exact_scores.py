"""Scores where they are asked for: in float64 where that is needed, and found out once."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import Scoring
from clearhead.maps.scores import exact_scores as module
from clearhead.maps.scores.denominators import Denominators
from clearhead.maps.scores.exact_scores import ExactScores


def tensors(size, dtype=torch.float32):
    torch.manual_seed(0)
    return (torch.randn(2, 4, 6, 8) * size).to(dtype), torch.randn(2, 2, 9, 8).to(dtype)


@pytest.mark.parametrize(("size", "far"), [(0.1, False), (100.0, True)])
def test_products_are_in_float64_where_they_are_large(size, far):
    query, key = tensors(size)
    scores = ExactScores(query, key, Scoring.of(query, key))
    assert scores.at(slice(0, 2)).dtype == (torch.float64 if far else torch.float32)
    assert scores.are_far == far
    assert scores.at(slice(0, 2)).dtype == (torch.float64 if far else torch.float32)
    expected = query.double() @ key.double().repeat_interleave(2, 1).mT * 8**-0.5
    actual = scores.at(slice(0, 2), slice(1, 4), heads=slice(1, 3))
    bound = 1e-10 if far else 1e-6
    torch.testing.assert_close(actual.double(), expected[:, 1:3, :2, 1:4], rtol=0, atol=bound)


def test_one_large_head_does_not_make_the_others_slow():
    query, key = tensors(0.1)
    query[:, 3] *= 1e4
    scores = ExactScores(query, key, Scoring.of(query, key))
    assert scores.are_far
    assert scores.at(slice(0, 6), heads=slice(0, 2)).dtype == torch.float32
    assert scores.at(slice(0, 6), heads=torch.tensor([3])).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype):
    query, key = tensors(1e4, dtype)
    scores = ExactScores(query, key, Scoring.of(query, key))
    assert scores.are_far == (dtype != torch.float64)
    assert scores.at(slice(0, 1)).dtype == torch.float64


def test_norms_of_keys_are_taken_once(monkeypatch):
    seen = []

    def counted(x):
        seen.append(tuple(x.shape))
        return highest_norm(x)

    highest_norm = module.highest_norm
    monkeypatch.setattr(module, "highest_norm", counted)
    query, key = tensors(0.1)
    scores = ExactScores(query, key, Scoring.of(query, key))
    for _ in range(3):
        scores.at(slice(0, 1))
        assert not scores.are_far
    assert seen == [tuple(key.shape), tuple(query.shape)]


def test_sums_are_as_exact_as_what_they_are_divided_by():
    """A part of the keys does not tell how far from zero the row lies; its denominator does."""
    query, key = tensors(1.0)
    bias = torch.full((6, 9), -1e6)
    bias[:, 4] = 0
    scores = ExactScores(query, key, Scoring.of(query, key, bias=bias - 2e4))
    exact = query.double() @ key.double().repeat_interleave(2, 1).mT * 8**-0.5
    expected = exact.float() + (bias - 2e4)
    known = Denominators(expected.amax(-1).double(), torch.zeros(2, 4, 6))
    actual = scores.at(slice(0, 6), slice(4, 5), denominators=known)
    assert torch.equal(actual, expected[..., 4:5])
