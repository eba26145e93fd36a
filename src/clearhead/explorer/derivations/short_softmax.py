"""Shortens a softmax over a vocabulary for a snippet: its largest numbers, and a remainder.

In full, the row of a probability would be 200 kB. The front end does the same, in
where_from/shortening/softmax.ts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LONG = 256  # rows with more numbers are shortened
LARGEST = 50  # the number of numbers written out
REMAINDER = "rest"
_SUM = re.compile(r"np\.exp\((\w+) - \1\.max\(\)\)\.sum\(\)")


@dataclass(frozen=True)
class ShortExpression:
    """An expression and its operands, as a snippet has them.

    Attributes:
        expression: in Python.
        operands: by symbol.
        notes: labels of the notes on some operands, by symbol.
    """

    expression: str
    operands: Mapping[str, Any]
    notes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def shorten_softmax(expression: str, operands: Mapping[str, Any]) -> ShortExpression:
    """Return a short expression with the same value if the expression is a softmax of a long row.

    The sum of the exponentials of the omitted numbers becomes one operand, with ten digits. An
    index into the row becomes an index into the numbers that are written out.

    Args:
        expression: of a derivation.
        operands: by symbol.
    """
    match = _SUM.search(expression)
    row = operands.get(match[1]) if match else None
    place = re.search(r"\.max\(\)\)\[(\w+)\]", expression)
    if match is None or place is None or not isinstance(row, np.ndarray) or row.size <= LONG:
        return ShortExpression(expression, operands)
    at = int(operands[place[1]])
    order = np.argsort(-row, kind="stable")
    largest = order[:LARGEST]
    if at not in largest:
        largest = np.append(largest, at)
    remainder = float(np.exp(np.delete(row, largest) - row.max()).sum())
    changed = {match[1]: row[largest], place[1]: int(np.flatnonzero(largest == at)[0])}
    return ShortExpression(
        expression.replace(match[0], f"({match[0]} + {REMAINDER})"),
        {**operands, **changed, REMAINDER: float(f"{remainder:.9e}")},
        {
            match[1]: {"key": "largestOnly", "name": f"{len(largest)} / {row.size}"},
            place[1]: {"key": "placeAmongLargest"},
            REMAINDER: {"key": "restOfSum", "name": str(row.size - len(largest))},
        },
    )
