"""A recording sees the drop-in's attention, whichever way it is computed, and changes no bit."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import clearhead
from clearhead.nn.multihead.layer import MultiheadAttention


class Attending(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention, self.options = MultiheadAttention(32, 4, batch_first=True), options

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        actual = self.attention(x, x, x, **self.options)
        return tuple(y for y in actual if y is not None)


@pytest.mark.parametrize("length", [20, 300, 900])
@pytest.mark.parametrize("kind", ["none", "bool", "causal"])
def test_a_recording_sees_it_and_changes_no_bit(kind: str, length: int) -> None:
    """By PyTorch's native operator, the plain formula and tiles, with gradients and without."""
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    masks: dict[str, Any] = {"attn_mask": None if kind == "none" else later}
    masks["is_causal"] = kind == "causal"
    x = torch.randn(1, length, 32, generator=torch.Generator().manual_seed(1))
    for training, need_weights in itertools.product([True, False], repeat=2):
        module = Attending(need_weights=need_weights, **masks).train(training)
        with torch.set_grad_enabled(training):
            plain = module(x)
            with clearhead.record(module) as recording:
                recorded = module(x)
            options = {**masks, "average_attn_weights": False}
            _, weights = module.attention(x, x, x, **options)
        assert all(torch.equal(a, b) for a, b in zip(plain, recorded, strict=True))
        torch.testing.assert_close(
            recording["attention"].dense(), weights.detach(), rtol=1e-4, atol=1e-6
        )
