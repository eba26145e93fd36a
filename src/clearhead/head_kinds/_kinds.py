"""The rule that derives the kind of a head from its scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ._sums import LEAST_QUERIES, SHARES, HeadSums

SHARE = 0.5
EVEN = 0.8
KINDS = (*SHARES, "local", "broad", "mixed")


class ScoredHead(NamedTuple):
    """One head.

    Attributes:
        kind: what it mostly does; None if too few queries have a choice.
        margin: the smallest change of its scores that changes the kind; NaN without one.
        scores: a number from 0 to 1 for each measure that applies to it.
    """

    kind: str | None
    margin: float
    scores: dict[str, float]


def scored_heads(sums: HeadSums, only: Callable[[str], bool] = lambda _: True) -> list[ScoredHead]:
    """Return the scores and the kind of each head.

    Args:
        sums: over one text or many.
        only: selects the measures to use; all by default.
    """
    table = {name: values for name, values in sums.scores().items() if only(name)}
    heads = []
    for head, queries in enumerate(sums.queries):
        row = {name: float(values[head]) for name, values in table.items()}
        scores = {name: value for name, value in row.items() if not math.isnan(value)}
        heads.append(ScoredHead(*kind_of(scores, int(queries)), scores))
    return heads


def kind_of(scores: Mapping[str, float], queries: int) -> tuple[str | None, float]:
    """Return the kind of a head, and the smallest change of a score that changes it.

    Args:
        scores: of each measure that applies, from 0 to 1.
        queries: how many queries have a choice.
    """
    if queries < LEAST_QUERIES or "even" not in scores:
        return None, math.nan
    ranked = sorted((name for name in SHARES if name in scores), key=lambda name: -scores[name])
    top, second, *_ = [*(scores[name] for name in ranked), 0.0, 0.0]
    if top >= SHARE:
        return ranked[0], top - max(second, SHARE)
    local, even = scores.get("local", 0.0), scores["even"]
    if local >= SHARE:
        return "local", min(local - SHARE, SHARE - top)
    below = SHARE - max(top, local)
    return (
        ("broad", min(even - EVEN, below)) if even >= EVEN else ("mixed", min(EVEN - even, below))
    )
