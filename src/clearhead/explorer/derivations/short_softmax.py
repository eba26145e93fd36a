"""A softmax over a vocabulary in a program that one can read: its largest numbers, and a remainder.

Written out in full, the row of a probability would be 200 kB. The front end does the same, in
where_from/shortening/softmax.ts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LONG = 256  # numbers of a row; a longer one is shortened
LARGEST = 50  # of which so many are written out
REMAINDER = "rest"
_SUM = re.compile(r"np\.exp\((\w+) - \1\.max\(\)\)\.sum\(\)")


@dataclass(frozen=True)
class ShortExpression:
    """An expression and its operands, as a program has them.

    Attributes:
        expression: in Python.
        operands: by symbol.
        notes: labels of what is to be said of some of them, by symbol.
    """

    expression: str
    operands: Mapping[str, Any]
    notes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def shorten_softmax(expression: str, operands: Mapping[str, Any]) -> ShortExpression:
    """Return an expression of few numbers with the same value, where it is a softmax of a long row.

    The sum of the exponentials of the numbers that are left out becomes one operand, with ten
    digits. A place in the row becomes the number's place among those that are written out.

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
