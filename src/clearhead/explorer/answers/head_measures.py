"""The kind of each head in the form of an answer, as defined by `clearhead.head_kinds`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from ...errors import ConfigError
from ...head_kinds import HeadSums, HeadWeights, scored_heads
from ...lens.copying import Weighted, copying_scores
from ...shapes import Array, Float
from ..contract.first_screen.head_kinds import HeadKind, HeadMeasure, MeasuredHead

# Bound on the copying scores of a model, which go once through its vocabulary: a few seconds.
MULTIPLY_ADDS = 10**11


def model_copying(model: Weighted) -> Mapping[str, Float[Array, "heads"]]:
    """Return the copying scores of a model's heads, by the paths of their attentions.

    The result is empty for a model that has no such scores, or is too large to compute them in
    reasonable time.

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
        of: the attention weights of the heads.
        copying: their copying scores; None if unknown.
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
