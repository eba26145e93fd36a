"""Sums over spans against sums of the dense map's rows, in several tiles."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps import AttentionMap
from clearhead.maps.generation.span_sums import SpanSums
from clearhead.maps.generation.spans import NamedSpans
from clearhead.maps.storage import tile_plan

SPANS = [
    {"one": (0, 4), "two": (3, 11), "last": (29, 30)},
    {"one": (5, 6), "two": (0, 30), "last": (2, 9)},
]


@pytest.mark.parametrize("by", ["weight", "contribution"])
def test_sums_of_rows(by, monkeypatch):
    monkeypatch.setattr(tile_plan, "CPU_TILE", 128)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 4)
    torch.manual_seed(0)
    query, key = torch.randn(2, 4, 30, 8).double(), torch.randn(2, 2, 30, 8).double()
    one = AttentionMap.of(query, key, torch.randn(2, 2, 30, 6).double(), causal=True)
    sums = one.result_of(SpanSums(NamedSpans.of(SPANS, 2, 30), by))
    dense = one.dense() if by == "weight" else one.contributions[...]
    for row, spans in enumerate(SPANS):
        for place, (first, end) in enumerate(spans.values()):
            expected = dense[row, ..., first:end].sum(-1)
            torch.testing.assert_close(sums[row, ..., place], expected, rtol=0, atol=1e-14)


def test_what_cannot_be_summed():
    spans = NamedSpans.of({"one": (0, 2)}, 1, 4)
    with pytest.raises(ConfigError, match="by is one of weight, contribution, not 'norm'"):
        SpanSums(spans, "norm")
    one = AttentionMap.of(*torch.randn(2, 1, 1, 4, 2))
    with pytest.raises(ConfigError, match="values=True"):
        one.result_of(SpanSums(spans, "contribution"))
