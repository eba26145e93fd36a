"""The plain formula, and which tensors are plain enough for shorter ways."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from clearhead.nn.multihead._formula import (
    Masking,
    are_plain,
    computation_dtype,
    is_recorded,
    is_transformed,
    plain_attention,
    weights_dtype,
)

NOTHING = Masking(None, None, False)


def draw(*lengths: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 3, length, 4, dtype=dtype) for length in lengths]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", ["none", "causal", "mask", "both"])
def test_output_and_weights_are_those_of_sdpa(kind: str, in_place: bool) -> None:
    query, key, value = draw(5, 7, 7)
    mask = torch.randn(2, 1, 5, 7).double() if kind in ("mask", "both") else None
    causal = kind in ("causal", "both")
    masking = Masking(mask, None, causal)
    output, weights = plain_attention(query, key, value, masking, in_place=in_place)
    total = torch.zeros(2, 1, 5, 7).double() if mask is None else mask
    if causal:
        total = total.masked_fill(torch.ones(5, 7).triu(1).bool(), -torch.inf)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=total)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(weights @ value, expected)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5).double())


def test_a_query_that_sees_nothing_has_weights_of_zero() -> None:
    query, key, value = draw(3, 4, 4)
    blocked = torch.tensor([False, True, False])[None, None, :, None]
    output, weights = plain_attention(query, key, value, Masking(None, blocked, False))
    assert not weights[:, :, 1].any()
    assert not output[:, :, 1].any()
    assert bool((weights[:, :, [0, 2]] > 0).all())


def test_half_precision_is_computed_in_float32_whatever_autocast_says() -> None:
    query, key, value = draw(5, 7, 7, dtype=torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, weights = plain_attention(query, key, value, NOTHING)
    assert (output.dtype, weights.dtype) == (torch.bfloat16, torch.float32)
    exact, expected = plain_attention(query.float(), key.float(), value.float(), NOTHING)
    assert torch.equal(weights, expected)
    assert torch.equal(output, exact.bfloat16())


def test_dropout_falls_on_the_weights_that_are_returned() -> None:
    query, key, value = draw(5, 7, 7)
    output, weights = plain_attention(query, key, value, NOTHING, 0.5)
    assert bool((weights == 0).any())
    torch.testing.assert_close(output, weights @ value)


def test_dtypes() -> None:
    half, wide = torch.ones(1, dtype=torch.float16), torch.ones(1, dtype=torch.float64)
    assert (computation_dtype(half), computation_dtype(wide)) == (torch.float32, torch.float64)
    assert (weights_dtype(half), weights_dtype(wide)) == (torch.float16, torch.float64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for x in (half, wide, torch.ones(1)):
            assert weights_dtype(x) == torch.softmax(x, -1).dtype


def test_transforms_modes_and_subclasses_are_not_plain() -> None:
    x, answers = torch.ones(2), []
    assert are_plain(x, None, torch.nn.Parameter(x))
    assert not are_plain(x, torch.nn.Buffer(x).as_subclass(type("Own", (torch.Tensor,), {})))

    def ask(y: torch.Tensor) -> torch.Tensor:
        answers.append((are_plain(y), is_transformed()))
        return y.sum()

    torch.func.grad(ask)(x)
    torch.func.vmap(ask)(x[None])
    assert answers == [(False, True), (False, True)]
    assert not is_transformed()


def test_a_recording_leaves_tensors_plain() -> None:
    class Asks(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.answers = is_recorded(), are_plain(x)
            return x

    model = Asks()
    with record(model):
        model(torch.ones(2))
    assert model.answers == (True, True)
    assert not is_recorded()
