"""One step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), which trains the models here.

    m = b1 m + (1 - b1) g                  the mean of recent gradients
    v = b2 v + (1 - b2) g^2                the mean of their squares
    w = w - rate * decay * w               weight decay, apart from the gradient
    w = w - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)

Both means begin at 0, and after t steps have only 1 - b^t of their weight, which the divisors
correct. In the first step m / sqrt(v) is g / |g|, so every weight moves by the rate, up or down,
however small its gradient is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...errors import ConfigError, ShapeError
from ...shapes import Array
from ..settings import required_number


class AdamWState(NamedTuple):
    """The state of AdamW between steps.

    Attributes:
        step: the number of steps taken.
        mean: of recent gradients, by the weights' names.
        square: the mean of their squares, likewise.
    """

    step: int
    mean: dict[str, Array]
    square: dict[str, Array]


class AdamWStep(NamedTuple):
    """What `adamw_step` returns: new weights, and the state for the next step."""

    weights: dict[str, Array]
    state: AdamWState


def adamw_step(
    weights: Mapping[str, Array],
    gradients: Mapping[str, Array],
    state: AdamWState | None = None,
    *,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> AdamWStep:
    """Return weights after one step of AdamW, in float64. The arguments are not changed.

    Args:
        weights: by name.
        gradients: of the loss with respect to each, under the same names.
        state: that the step before returned; None for the first step.
        learning_rate, betas, epsilon, weight_decay: as in `torch.optim.AdamW`, whose defaults
            these are.

    Raises:
        ConfigError: the names differ, or a number is out of its bounds.
        ShapeError: a gradient has another shape than its weight.
    """
    rate = required_number("learning_rate", learning_rate, least=0.0)
    decay = required_number("weight_decay", weight_decay, least=0.0)
    epsilon = required_number("epsilon", epsilon, least=0.0)
    first, second = (_share("betas", beta) for beta in betas)
    _check_names(weights, gradients)
    if state is None:
        state = AdamWState(0, {}, {})
    step = state.step + 1
    new_weights, mean, square = {}, {}, {}
    for name, weight in weights.items():
        w, g = (np.asarray(x, dtype=np.float64) for x in (weight, gradients[name]))
        m = first * state.mean.get(name, 0.0) + (1 - first) * g
        v = second * state.square.get(name, 0.0) + (1 - second) * g * g
        w = w - rate * decay * w
        new_weights[name] = w - rate * (m / (1 - first**step)) / (
            np.sqrt(v / (1 - second**step)) + epsilon
        )
        mean[name], square[name] = m, v
    return AdamWStep(new_weights, AdamWState(step, mean, square))


def _share(name: str, value: float) -> float:
    number = required_number(name, value, least=0.0)
    if number >= 1:
        raise ConfigError(f"{name} must be from 0 up to, but not including, 1; one is {value!r}.")
    return number


def _check_names(weights: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
    missing = sorted(weights.keys() - gradients.keys())
    surplus = sorted(gradients.keys() - weights.keys())
    if missing or surplus:
        parts = [f"there is none of {name}" for name in missing[:1]]
        parts += [f"{name} is no weight" for name in surplus[:1]]
        raise ConfigError(f"There is one gradient for each weight; {', and '.join(parts)}.")
    for name, weight in weights.items():
        if np.shape(gradients[name]) != np.shape(weight):
            raise ShapeError(
                f"The gradient of {name} has the shape {np.shape(gradients[name])}, and the weight "
                f"{np.shape(weight)}."
            )
