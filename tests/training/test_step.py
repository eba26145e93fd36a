"""The update of the weights, with numbers that can be checked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from clearhead.training.step import NotFiniteError, clip_and_update


def weight_with_gradient(*gradient: float) -> torch.nn.Parameter:
    weight = torch.nn.Parameter(torch.zeros(len(gradient)))
    weight.grad = torch.tensor(gradient)
    return weight


@pytest.mark.parametrize(
    ("tokens", "clip_norm", "norm", "expected"),
    [
        (1, 0.0, 5.0, [-0.3, -0.4]),
        (10, 0.0, 0.5, [-0.03, -0.04]),
        (1, 1.0, 5.0, [-0.06, -0.08]),
        (10, 1.0, 0.5, [-0.03, -0.04]),
    ],
)
def test_sums_are_divided_then_clipped_then_followed(
    tokens: int, clip_norm: float, norm: float, expected: list[float]
) -> None:
    weight = weight_with_gradient(3.0, 4.0)
    norm_before = clip_and_update(
        torch.optim.SGD([weight], lr=99.0),
        torch.tensor(1.0),
        learning_rate=0.1,
        clip_norm=clip_norm,
        tokens=tokens,
    )
    assert norm_before == pytest.approx(norm)
    assert weight.detach().tolist() == pytest.approx(expected, rel=1e-5)
    assert weight.grad is None


@pytest.mark.parametrize(
    ("loss", "gradient", "what"),
    [(math.inf, 1.0, "loss"), (1.0, math.nan, "gradient"), (math.nan, math.nan, "loss")],
)
def test_what_is_not_finite_changes_nothing(loss: float, gradient: float, what: str) -> None:
    weight = weight_with_gradient(gradient, 0.0)
    with pytest.raises(NotFiniteError, match=f"^{what}$"):
        clip_and_update(
            torch.optim.SGD([weight], lr=1.0),
            torch.tensor(loss),
            learning_rate=0.1,
            clip_norm=1.0,
        )
    assert weight.detach().tolist() == [0.0, 0.0]
