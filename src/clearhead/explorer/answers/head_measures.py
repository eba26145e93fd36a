"""What kind a head is, as the page is told it: by the definition of `clearhead.head_kinds`."""

from __future__ import annotations

from typing import cast, get_args

from ...head_kinds import HeadSums, HeadWeights, scored_heads
from ..contract.first_screen.head_kinds import HeadKind, HeadMeasure, MeasuredHead

_MEASURES: tuple[str, ...] = get_args(HeadMeasure.__value__)


def measured_heads(of: HeadWeights) -> list[MeasuredHead]:
    """Return the measures that the page knows, and the kind of each head by them."""
    return [
        {
            "kind": cast("HeadKind | None", head.kind),
            "measures": cast("dict[HeadMeasure, float]", head.scores),
        }
        for head in scored_heads(HeadSums.of(of), only=_MEASURES.__contains__)
    ]
