"""A computation small enough to follow, with a trace."""

from __future__ import annotations

import numpy as np

from clearhead.reference import Trace


def small_run(trace: Trace) -> np.ndarray:
    """Two layers that square and then double their input."""
    x = trace.step("input", np.arange(3.0), "x", axes=("length",))
    for layer in range(2):
        scope = trace.at(f"layers.{layer}")
        square = scope.step("square", x**2, "x^2", of=("input",), axes=("length",))
        x = scope.step("double", 2 * square, "2 x^2", of=("square",), axes=("length",))
    return trace.step("sum", x.sum(), "sum", of=("layers.1.double",))
