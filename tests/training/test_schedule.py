"""Learning rates at points that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.training.schedule import SCHEDULES, learning_rate


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("step", "share"), [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)])
def test_the_warm_up_is_linear(schedule: str, step: int, share: float) -> None:
    rate = learning_rate(step, schedule=schedule, peak=0.8, warmup=4, last=100)
    assert rate == pytest.approx(0.8 * share)


@pytest.mark.parametrize(("step", "rate"), [(16, 1.0), (64, 0.5), (256, 0.25), (1600, 0.1)])
def test_inverse_square_root(step: int, rate: float) -> None:
    rates = learning_rate(step, schedule="inverse_sqrt", peak=1.0, warmup=16, last=9999)
    assert rates == pytest.approx(rate)


def test_inverse_square_root_is_the_papers() -> None:
    """Vaswani et al. 2017, 5.3: d_model^-0.5 min(step^-0.5, step warmup^-1.5)."""
    for step in (1, 100, 4000, 4001, 100_000):
        paper = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
        peak = 512**-0.5 * 4000**-0.5
        ours = learning_rate(step, schedule="inverse_sqrt", peak=peak, warmup=4000, last=10**6)
        assert ours == pytest.approx(paper)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(10, 2.0), (35, 1 + math.sqrt(0.5)), (60, 1.0), (110, 0.0), (500, 0.0)],
)
def test_cosine(step: int, rate: float) -> None:
    rates = learning_rate(step, schedule="cosine", peak=2.0, warmup=10, last=110)
    assert rates == pytest.approx(rate, abs=1e-12)


@pytest.mark.parametrize(("step", "rate"), [(90, 1.0), (91, 1.0), (96, 0.5), (100, 0.1)])
def test_constant_with_a_linear_end(step: int, rate: float) -> None:
    rates = learning_rate(step, schedule="constant", peak=1.0, warmup=0, last=100, decay=10)
    assert rates == pytest.approx(rate)


def test_inverse_square_root_with_a_linear_end() -> None:
    rates = learning_rate(100, schedule="inverse_sqrt", peak=1.0, warmup=25, last=100, decay=4)
    assert rates == pytest.approx(0.5 / 4)


def test_no_warm_up_begins_at_the_peak() -> None:
    for schedule in ("constant", "inverse_sqrt"):
        assert learning_rate(1, schedule=schedule, peak=3.0, warmup=0, last=10) == 3.0


@given(st.sampled_from(SCHEDULES), st.integers(0, 50), st.integers(1, 300), st.integers(0, 300))
def test_it_rises_to_the_peak_and_then_never_rises(
    schedule: str, warmup: int, last: int, decay: int
) -> None:
    rates = [
        learning_rate(s, schedule=schedule, peak=1.0, warmup=warmup, last=last, decay=decay)
        for s in range(1, last + 1)
    ]
    assert all(0.0 <= rate <= 1.0 for rate in rates)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
