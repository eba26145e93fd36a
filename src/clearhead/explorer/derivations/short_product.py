"""Shortens a product of two long vectors for a snippet: its largest terms, and a remainder.

In full, a gradient that comes back from a vocabulary would be 400 kB. The front end does the
same, in where_from/shortening/product.ts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from .short_softmax import LARGEST, LONG, REMAINDER, ShortExpression

_PRODUCT = re.compile(r"(\w+) @ (\w+)")


def shorten_product(expression: str, operands: Mapping[str, Any]) -> ShortExpression:
    """Return a short expression with the same value if the expression is one long product.

    The sum of the omitted terms becomes one operand.

    Args:
        expression: of a derivation.
        operands: by symbol.
    """
    match = _PRODUCT.fullmatch(expression)
    if match is None:
        return ShortExpression(expression, operands)
    first, second = match.groups()
    one, other = operands[first], operands[second]
    if not (_is_long_vector(one) and _is_long_vector(other)):
        return ShortExpression(expression, operands)
    terms = one * other
    order = np.argsort(-np.abs(terms), kind="stable")
    largest, size = order[:LARGEST], terms.size
    note = {"key": "largestTerms", "name": f"{LARGEST} / {size}"}
    return ShortExpression(
        f"{expression} + {REMAINDER}",
        {
            first: one[largest],
            second: other[largest],
            REMAINDER: float(terms[order[LARGEST:]].sum()),
        },
        {
            first: note,
            second: note,
            REMAINDER: {"key": "restOfProduct", "name": str(size - LARGEST)},
        },
    )


def _is_long_vector(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.size > LONG
