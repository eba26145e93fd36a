"""Blocks of queries give what one kernel gives."""

from __future__ import annotations

import pytest
import torch

from clearhead.interventions.attention import edges
from clearhead.interventions.attention.edge_plan import EdgeGroup, over_queries
from clearhead.interventions.attention.edges import FusedCall, attend

GENERATOR = torch.Generator().manual_seed(0)
Q, K, V = torch.randn(3, 2, 4, 70, 8, generator=GENERATOR, dtype=torch.float64).unbind(0)
MASK = torch.rand(2, 1, 70, 70, generator=GENERATOR) < 0.8
KEYS = torch.arange(70) % 3 == 0


@pytest.mark.parametrize("mask", [None, MASK, torch.where(MASK, 0.5, -torch.inf).double()])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rows", [None, torch.tensor([0, 3, 4, 40, 69])])
@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("kind", ["removed", "zeroed", "both", "of each text"])
def test_blocks(mask, causal, rows, kv_heads, kind, monkeypatch):
    if causal and mask is not None:
        return
    monkeypatch.setattr(edges, "_LARGEST_MASK", 1)  # blocks of 16 queries
    removed = KEYS if kind != "zeroed" else None
    zeroed = {"removed": None, "zeroed": KEYS}.get(kind, KEYS.roll(1))
    if kind == "of each text":
        removed, zeroed = torch.stack([KEYS, ~KEYS]), torch.stack([zeroed, KEYS & False])
    heads = torch.tensor([1, 2])
    call = FusedCall(
        Q, K[:, :kv_heads], V[:, :kv_heads], mask, causal=causal, grouped=kv_heads == 2
    )
    output = attend(call, [EdgeGroup(heads, rows, removed, zeroed)])
    group = 4 // kv_heads
    key, value = (x[:, :kv_heads].repeat_interleave(group, 1) for x in (K, V))
    scores = Q @ key.mT / 8**0.5
    if causal:
        scores = scores.masked_fill(torch.ones(70, 70).triu(1).bool(), -torch.inf)
    if mask is not None:
        scores = (
            scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
        )
    edited = torch.zeros(4, 70, 1, dtype=torch.bool)
    edited[1:3, slice(None) if rows is None else rows] = True
    if removed is not None:
        scores = scores.masked_fill(edited & over_queries(removed), -torch.inf)
    weights = scores.softmax(-1).nan_to_num(0.0)
    if zeroed is not None:
        weights = weights.masked_fill(edited & over_queries(zeroed), 0.0)
    torch.testing.assert_close(output, weights @ value)
