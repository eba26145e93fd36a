"""Dropout: how often, how much, and the same mask in both directions."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.nn import fused_attention
from clearhead.nn.dropout import Dropout, dropout

LEVELS = 1 << 16


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan, "0.1", True])
def test_a_probability_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"must be a number from 0 to 1, or None; it is"):
        dropout(torch.ones(4), wrong)
    with pytest.raises(ConfigError, match=r"must be a number from 0 to 1, or None; it is"):
        Dropout(wrong)
    with pytest.raises(ConfigError, match=r"must be a number from 0 to 1, or None; it is"):
        fused_attention(*torch.ones(3, 1, 1, 4, 8), dropout=wrong)


def test_none_drops_nothing() -> None:
    x = torch.randn(1, 1, 4, 8)
    assert dropout(x, None) is x
    assert Dropout(None)(x) is x
    assert torch.equal(fused_attention(x, x, x, dropout=None), fused_attention(x, x, x))


def test_a_gradient_can_be_derived_again() -> None:
    """What was dropped stays dropped, in the second derivative as well."""
    x = torch.linspace(-1, 1, 64, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    y = dropout(x, 0.5)
    nonzero = y.detach() / x.detach()
    (first,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
    torch.testing.assert_close(first, 3 * nonzero**3 * x**2)
    (second,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, 6 * nonzero**3 * x.detach())


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5, 0.9])
def test_rate_and_mean(probability: float) -> None:
    torch.manual_seed(1)
    count = 1_000_000
    y = dropout(torch.ones(count), probability)
    sigma = math.sqrt(probability * (1 - probability) / count)
    assert abs(float((y == 0).float().mean()) - probability) < 5 * sigma
    assert abs(float(y.mean()) - 1.0) < 5 * sigma / (1 - probability)


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.5, 1 / 3])
def test_what_is_kept_is_scaled_by_the_inverse_of_the_rounded_rate(probability: float) -> None:
    torch.manual_seed(1)
    y = dropout(torch.ones(1000, dtype=torch.float64), probability)
    nonzero = LEVELS - round(probability * LEVELS)
    assert set(y.unique().tolist()) == {0.0, LEVELS / nonzero}


def test_every_share_of_sixteen_bits_is_drawn_exactly_as_often() -> None:
    """The threshold is compared with every 16-bit number: so many are dropped."""
    words = torch.arange(-(1 << 15), 1 << 15, dtype=torch.int32).to(torch.int16)
    for probability in (0.1, 0.5, 1 / LEVELS):
        zeroed = round(probability * LEVELS)
        assert int((words < zeroed - LEVELS // 2).sum()) == zeroed


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1,), (3,), (5, 7), (2, 3, 4, 5)])
def test_the_backward_pass_uses_the_same_mask(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    x = torch.full(shape, 2.0, dtype=dtype, requires_grad=True)
    y = dropout(x, 0.4)
    y.backward(torch.full(shape, 2.0, dtype=dtype))
    assert y.dtype == dtype
    assert y.shape == shape
    assert torch.equal(x.grad, y.detach())


def test_draws_are_independent_between_neighbours_and_calls() -> None:
    torch.manual_seed(0)
    first = (dropout(torch.ones(200_000), 0.5) == 0).double()
    second = (dropout(torch.ones(200_000), 0.5) == 0).double()
    for lag in (1, 2, 3, 4, 64):
        assert abs(float(torch.corrcoef(torch.stack((first[lag:], first[:-lag])))[0, 1])) < 0.012
    assert abs(float(torch.corrcoef(torch.stack((first, second)))[0, 1])) < 0.012


@given(st.integers(0, 2**31), st.integers(1, 33), st.floats(0.01, 0.99))
def test_the_seed_governs_it(seed: int, count: int, probability: float) -> None:
    torch.manual_seed(seed)
    first = dropout(torch.ones(count), probability)
    torch.manual_seed(seed)
    assert torch.equal(dropout(torch.ones(count), probability), first)


def test_restoring_the_generator_restores_the_masks() -> None:
    state = torch.get_rng_state()
    first = [dropout(torch.ones(9), 0.5) for _ in range(3)]
    torch.set_rng_state(state)
    assert all(torch.equal(dropout(torch.ones(9), 0.5), mask) for mask in first)


def test_the_extremes_of_probability_still_drop_and_keep() -> None:
    torch.manual_seed(0)
    rare = dropout(torch.ones(1_000_000), 1e-9)  # rounded up to 2^-16
    assert 0 < int((rare == 0).sum()) < 60
    usual = dropout(torch.ones(1_000_000, dtype=torch.float64), 1 - 1e-9)
    assert 0 < int((usual != 0).sum()) < 60
    assert float(usual.max()) == LEVELS


def test_nothing_happens_in_evaluation_or_with_zero() -> None:
    x = torch.randn(5)
    state = torch.get_rng_state()
    layer = Dropout(0.5)
    assert layer.eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(layer.train()(torch.ones(100)), torch.ones(100))
    assert repr(layer) == "Dropout(probability=0.5)"


def test_the_input_is_left_alone() -> None:
    x = torch.ones(100)
    dropout(x, 0.5)
    assert torch.equal(x, torch.ones(100))
    strided = torch.arange(1.0, 25.0).view(4, 6).T
    y = dropout(strided, 0.5)
    nonzero = y != 0
    assert torch.equal(y[nonzero], 2 * strided[nonzero])
