"""What a function `softmax(x)` is tried on, and the mistakes that it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...reference import softmax
from . import attention_mistakes, attention_variants
from .subject import Array, Candidate, Case, Mistake, Results


def softmax_cases() -> list[Case]:
    """Return tables, extremes, and a batch."""
    generator = np.random.default_rng(9)
    square, odd = generator.normal(size=(4, 4)), generator.normal(size=(2, 5))
    apart = np.array([[0.0, 1.0, 2.0], [3000.0, 3001.0, 3000.5]])
    masked = np.where(np.tri(4, dtype=bool), square, -np.inf)
    basic = [
        ("a table of 4 by 4", square),
        ("a table of 2 by 5", odd),
        ("scores of a size of 1,000", square * 1000),
        ("a row of scores far above the others", apart),
        ("a table with -inf where a mask forbids", masked),
        ("whole numbers", np.array([[1, 2, 3], [3, 2, 1], [0, 0, 5]])),
    ]
    cases = [Case(name, (x,), (softmax(x),)) for name, x in basic]
    batch = generator.normal(size=(2, 3, 4, 5))
    name, advice = "a batch of 2 with 3 heads, in 4 axes", "Count axes from the end: `axis=-1`."
    return [*cases, Case(name, (batch,), (softmax(batch),), is_basic=False, advice=advice)]


def softmax_candidates() -> Iterator[Candidate]:
    """Yield softmax with each mistake that attention's may have."""
    for choice, mistakes in attention_mistakes.ASPECTS["softmax"].items():
        if mistakes:
            yield Candidate(mistakes, _bind(choice))
    yield Candidate(
        (Mistake("result cut to integers", "For whole numbers the result is cut to whole numbers.",
                 "`np.zeros_like(x)` has the dtype of x: name one, `dtype=float`."),),
        lambda x: (softmax(x).astype(x.dtype),),
    )  # fmt: skip


def _bind(choice: tuple[str, str]) -> Callable[..., Results]:
    def compute(x: Array) -> Results:
        return (attention_variants.softmax_with(x, *choice),)

    return compute
