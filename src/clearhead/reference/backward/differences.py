"""Derivatives by finite differences: how the loss changes when one number is changed a little.

    dL/dx is about (L(x + h) - L(x - h)) / 2h

The error falls with h^2, and that of rounding grows with 1/h; in float64 an h of about 1e-5 is
best, and leaves about ten digits. It costs two forward passes for each number: too slow for
training, but the standard check of a backward pass.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import ConfigError
from ...shapes import Array, Float
from ..settings import required_number


def finite_differences(
    function: Callable[[Array], float], x: Array, *, step: float = 1e-5
) -> Float[Array, "..."]:
    """Return the derivative of a function with respect to each number of an array, numerically.

    Args:
        function: of an array like ``x``; returns one number, such as a loss.
        x: where the derivative is taken; it is not changed.
        step: how far each number is moved, up and down.

    Raises:
        ConfigError: ``step`` is not above 0.
    """
    if required_number("step", step) <= 0:
        raise ConfigError(f"step must be above 0; it is {step!r}.")
    x = np.array(x, dtype=np.float64)
    derivatives = np.empty_like(x)
    for place in np.ndindex(x.shape):
        value = x[place]
        x[place] = value + step
        above = function(x.copy())
        x[place] = value - step
        below = function(x.copy())
        x[place] = value
        derivatives[place] = (above - below) / (2 * step)
    return derivatives
