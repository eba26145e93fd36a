"""Checks of the numbers and types that a caller passes beside the arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ConfigError, ShapeError


def optional_number(name: str, value: float | None, *, least: float = -math.inf) -> float | None:
    """Check a finite number of at least ``least``, or None.

    Raises:
        ConfigError: it is anything else.
    """
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str | bytes) or not math.isfinite(number) or number < least:
        requirement = (
            "a finite number" if least == -math.inf else f"a finite number, {least:g} or more"
        )
        raise ConfigError(f"{name} must be {requirement}, or None; it is {value!r}.")
    return number


def required_number(name: str, value: float, *, least: float = -math.inf) -> float:
    """Check a finite number of at least ``least``.

    Raises:
        ConfigError: it is not such a number.
    """
    number = optional_number(name, value, least=least)
    if number is None:
        raise ConfigError(f"{name} must be a finite number; it is None. Leave it out instead.")
    return number


def floating_dtype(name: str, dtype: Any) -> np.dtype[Any] | None:
    """Check the name of a floating dtype, or None.

    Raises:
        ConfigError: it is no floating dtype of NumPy.
    """
    if dtype is None:
        return None
    try:
        floating = np.dtype(dtype)
    except TypeError:
        floating = None
    if floating is None or floating.kind != "f":
        raise ConfigError(
            f"{name} must be a floating dtype of NumPy, such as np.float32, or None; "
            f"it is {dtype!r}."
        )
    return floating


def check_heads(name: str, count: int) -> None:
    """Check that a number of heads is a whole number above 0.

    Raises:
        ConfigError: it is not.
    """
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
    if not whole or count < 1:
        raise ConfigError(f"{name} must be a whole number, 1 or more; it is {count!r}.")


def window_sides(window: Any) -> tuple[int | None, int | None]:
    """Return how many positions before and after its own a query sees; None is without limit.

    Raises:
        ShapeError: the window is neither a number of positions nor a pair of them.
    """
    sides = tuple(window) if isinstance(window, tuple | list) else (window, window)
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int | np.integer | None):
            sides = ()
    if len(sides) != 2:
        raise ShapeError(
            "window is a number of positions, or a pair (before, after) of them; it is "
            f"{window!r}. For a side without limit give None."
        )
    if any(side is not None and side < 0 for side in sides):
        raise ShapeError(
            f"window counts positions and cannot be negative; it is {window}. "
            "For a side without limit give None."
        )
    return sides[0], sides[1]
