"""What a function `layer_norm(x, weight, bias)` is tried on, and the mistakes that it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...reference import layer_norm
from .subject import Array, Candidate, Case, Mistake

EPSILON = 1e-5


def layer_norm_cases() -> list[Case]:
    """Return tables of two shapes, a row of equal numbers, and a batch."""
    generator = np.random.default_rng(10)
    weight, bias = generator.normal(size=(2, 6))
    square = generator.normal(size=(6, 6)) * 3 + 1
    even = square.copy()
    even[2] = 4.0
    tables = [
        ("a table of 6 by 6", square),
        ("2 tokens of width 6", square[:2]),
        ("a token whose numbers are all equal", even),
        ("numbers as small as epsilon's root", square / 1000),
    ]
    cases = [
        Case(name, (x, weight, bias), (layer_norm(x, weight, bias),), tolerance=1e-7)
        for name, x in tables
    ]
    batch = generator.normal(size=(2, 3, 6))
    right = (layer_norm(batch, weight, bias),)
    name = "a batch of 2, in 3 axes"
    return [*cases, Case(name, (batch, weight, bias), right, is_basic=False)]


def _norm(x: Array, *, axis: int | None = -1, keepdims: bool = True, ddof: int = 0,
          power: float = 0.5, epsilon: float = EPSILON, is_centred: bool = True,
          outside: float = 0.0) -> Array:  # fmt: skip
    mean = x.mean(axis=axis, keepdims=keepdims) if is_centred else 0.0
    variance = np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)
    if not is_centred:
        variance = np.mean(x**2, axis=axis, keepdims=keepdims)
    return (x - mean) / ((variance + epsilon) ** power + outside)


def layer_norm_candidates() -> Iterator[Candidate]:
    """Yield layer norm with one mistake."""
    advice = "`(x - mean) / np.sqrt(variance + 1e-5)` for each token, then times weight, plus bias."
    table: list[tuple[str, str, Callable[[Array, Array, Array], Array]]] = [
        ("no keepdims", "Means and deviations are laid along the wrong axis.",
         lambda x, w, b: _norm(x, keepdims=False) * w + b),
        ("norm over the whole table", "All tokens share one mean and one deviation.",
         lambda x, w, b: _norm(x, axis=None) * w + b),
        ("norm over the wrong axis", "Each column is normed over the tokens; a token's vector is "
         "to be normed by itself.", lambda x, w, b: _norm(x, axis=0) * w + b),
        ("variance without its root", "It divides by the variance, not by its square root.",
         lambda x, w, b: _norm(x, power=1.0) * w + b),
        ("mean not subtracted", "The mean is not subtracted (that is RMS norm).",
         lambda x, w, b: _norm(x, is_centred=False) * w + b),
        ("deviation with n - 1", "The variance is divided by n - 1 and not by n (ddof=1).",
         lambda x, w, b: _norm(x, ddof=1) * w + b),
        ("no epsilon", "A token whose numbers are all equal is divided by zero: nothing is added "
         "to the variance.", lambda x, w, b: _norm(x, epsilon=0.0) * w + b),
        ("epsilon outside of the root", "Epsilon is added to the deviation and not to the "
         "variance.", lambda x, w, b: _norm(x, epsilon=0.0, outside=EPSILON) * w + b),
        ("no weight and no bias", "Weight and bias are not used.", lambda x, w, b: _norm(x)),
        ("no bias", "The bias is not added.", lambda x, w, b: _norm(x) * w),
        ("no weight", "The weight is not used.", lambda x, w, b: _norm(x) + b),
        ("bias before weight", "The bias is added before the weight is multiplied.",
         lambda x, w, b: (_norm(x) + b) * w),
    ]  # fmt: skip
    for name, finding, compute in table:
        yield Candidate((Mistake(name, finding, advice),), _bind(compute))


def _bind(compute: Callable[[Array, Array, Array], Array]) -> Callable[..., tuple[Array, ...]]:
    return lambda x, weight, bias: (compute(x, weight, bias),)
