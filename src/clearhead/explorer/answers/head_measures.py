"""What kind a head is, as the page is told it: by the definition of `clearhead.head_kinds`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from ...errors import ConfigError
from ...head_kinds import HeadSums, HeadWeights, scored_heads
from ...lens.copying import Weighted, copying_scores
from ...shapes import Array, Float
from ..contract.first_screen.head_kinds import HeadKind, HeadMeasure, MeasuredHead

# The copying scores of a model go once through its vocabulary: some seconds of such.
MULTIPLY_ADDS = 10**11


def model_copying(model: Weighted) -> Mapping[str, Float[Array, "heads"]]:
    """Return the copying scores of a model's heads, by the paths of their attentions.

    Those that cannot be said are left out: all of a model that has none, or is too large to wait
    for.

    Args:
        model: its config and weights.
    """
    config = model.config
    if config.vocab_size * config.d_model**2 > MULTIPLY_ADDS:
        return {}
    try:
        return copying_scores(model).scores
    except ConfigError:
        return {}


def measured_heads(
    of: HeadWeights, copying: Float[Array, "heads"] | None = None
) -> list[MeasuredHead]:
    """Return the measures and the kind of each head.

    Args:
        of: their weights.
        copying: their copying scores; None where they are not known.
    """
    heads = scored_heads(HeadSums.of(of))
    scores = [math.nan] * len(heads) if copying is None else copying.tolist()
    return [
        {
            "kind": cast("HeadKind | None", head.kind),
            "measures": cast("dict[HeadMeasure, float]", head.scores),
            "copying": None if math.isnan(score) else score,
        }
        for head, score in zip(heads, scores, strict=True)
    ]
