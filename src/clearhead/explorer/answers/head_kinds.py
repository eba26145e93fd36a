"""The kinds of a part's heads, from the trace of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...head_kinds import COPYING, EVEN, LEAST_QUERIES, SHARE, HeadWeights
from ...shapes import Array
from ..contract.arrays import ArraySource
from ..contract.first_screen.head_kinds import HeadKindsAnswer, MeasuredHead
from ..contract.values import Span
from .head_measures import measured_heads
from .overview import attention_steps, layer_slice


def head_kinds(
    run: ArraySource,
    part: str,
    layers: Span | None = None,
    *,
    ids: Sequence[int] = (),
    copying: Mapping[str, Array] | None = None,
) -> HeadKindsAnswer:
    """Answer ``head_kinds``.

    Args:
        run: a traced run.
        part: ``encoder``, ``decoder`` (its self-attention) or ``cross``.
        layers: the first layer, and the one after the last; None for all.
        ids: of the tokens in self-attention; without them, measures that need tokens are left out.
        copying: the copying scores of heads, by the paths of their attentions.

    Raises:
        TraceError: the model has no such part.
        ShapeError: the part has no such layers.
    """
    paths = attention_steps(run.trace, part)
    span = layer_slice(layers, len(paths))
    heads = []
    for path in paths[span]:
        weights = run.trace[f"{path}.weights"].value[0]
        # An edit may give a weight to a key that the mask hides.
        hidden = np.isneginf(run.trace[f"{path}.masked"].value[0]) & (weights == 0)
        tokens = np.array(ids) if len(ids) == weights.shape[-1] else None
        of = HeadWeights.of(weights, ~hidden, cross=part == "cross", ids=tokens)
        heads.append(measured_heads(of, (copying or {}).get(path)))
    return kinds_answer(part, span.start, heads)


def kinds_answer(part: str, start: int, layers: list[list[MeasuredHead]]) -> HeadKindsAnswer:
    """Return the answer for these heads, with the thresholds that define their kinds."""
    return {
        "part": part,
        "start": start,
        "layers": layers,
        "share": SHARE,
        "even": EVEN,
        "queries": LEAST_QUERIES,
        "copies": COPYING,
    }
