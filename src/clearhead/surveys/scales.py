"""The measures of heads, their units, and the bins of their histograms.

The edges of bins are the same in every survey, so that any two surveys can be added. They are exact
in floating point (multiples of 1/64, of 1/4, and powers of two), so that rounding never moves a
value on an edge below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..head_kinds import MEASURES as SCORES
from ..shapes import Array, Int

STEP_BITS = 24
"""Values are rounded to multiples of 2**-24 before they are summed, as in head kinds."""


@dataclass(frozen=True)
class Scale:
    """The unit of a measure, and the bins of its histogram.

    Attributes:
        unit: ``nats``, ``tokens`` or ``share``.
        edges: of the bins. A bin contains its lower edge; the last bin also contains its upper
            edge, which is infinite if the values have no bound.
    """

    unit: str
    edges: tuple[float, ...]

    @property
    def bins(self) -> int:
        """The number of bins."""
        return len(self.edges) - 1

    def places(self, steps: Int[Array, ...]) -> Int[Array, ...]:
        """Return the bins of values, which are given in steps of 2**-24."""
        inner = np.array(self.edges[1:-1])
        place: Array = np.searchsorted(inner, steps * 2.0**-STEP_BITS, side="right")
        return place


SHARE = Scale("share", tuple(n / 64 for n in range(65)))
# ln of a million keys is 13.8.
NATS = Scale("nats", (*(n / 4 for n in range(64)), math.inf))
# From 0 to a quarter of a token, then two bins for each doubling.
TOKENS = Scale("tokens", (0.0, *(m * 2.0**n for n in range(-2, 20) for m in (1.0, 1.5)), math.inf))
SCALES = {"entropy": NATS, "sink": SHARE, "distance": TOKENS, **dict.fromkeys(SCORES, SHARE)}
"""The scales of all measures, in the order of tables.

The first three measures are means over all queries of a text, as printed by `clearhead inspect`;
the others are the scores of `clearhead.head_kinds`.
"""
