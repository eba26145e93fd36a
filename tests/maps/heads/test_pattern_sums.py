"""Sums of weights at places, tile by tile, are those of whole matrices."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps import AttentionMap
from clearhead.maps.heads import pattern_sums
from clearhead.maps.heads.pattern_sums import PatternSums, TokenPairs
from clearhead.maps.storage import tile_plan


@pytest.mark.parametrize("entries", [1 << 20, 200])
@pytest.mark.parametrize("most", [1 << 22, 0])
def test_sums_are_those_of_whole_weights(monkeypatch, entries, most):
    monkeypatch.setattr(tile_plan, "CPU_TILE", entries)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 4)
    monkeypatch.setattr(pattern_sums, "_MOST", most)
    torch.manual_seed(0)
    one = AttentionMap.of(2 * torch.randn(2, 4, 30, 8), torch.randn(2, 2, 30, 8), causal=True)
    ids = torch.randint(0, 6, (2, 30))
    first = torch.tensor([0, 3])
    pairs = TokenPairs(ids)
    weights = one[...].double()
    before = torch.ones(30, 30).tril(-1)
    alike = (ids[:, :, None] == ids[:, None]).double()
    follows = torch.zeros_like(alike)
    follows[:, :, 1:] = alike[:, :, :-1]
    for _ in range(2):  # what is remembered gives the same
        measure = PatternSums(first, pairs)
        sums = one.measure(measure)[measure]
        for result, places in ((sums.duplicate, alike), (sums.induction, follows)):
            truth = (weights * (places * before)[:, None]).sum((-1, -2))
            torch.testing.assert_close(result, truth, atol=1e-5, rtol=1e-6)
        own = weights.diagonal(dim1=-2, dim2=-1)
        torch.testing.assert_close(sums.own.double(), own, atol=1e-6, rtol=0)
        previous = weights.diagonal(offset=-1, dim1=-2, dim2=-1)
        torch.testing.assert_close(sums.previous[..., 1:].double(), previous, atol=1e-6, rtol=0)
        column = torch.stack([weights[0, :, :, 0], weights[1, :, :, 3]])
        torch.testing.assert_close(sums.first.double(), column, atol=1e-6, rtol=0)


def test_without_tokens_the_rest_is_summed():
    one = AttentionMap.of(torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4))
    measure = PatternSums(torch.tensor([0]))
    sums = one.measure(measure)[measure]
    assert not sums.duplicate.any()
    torch.testing.assert_close(sums.first, one[...][..., 0])
