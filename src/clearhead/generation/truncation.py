"""What is left to draw among: temperature, top-k, top-p, min-p and typical-p, in this order.

Each sets the scores of what is left out to minus infinity, in place. Ties are cut as transformers
cuts them, where it says how.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.protocols import BoolArray, FloatArray
from ..search.choose import top_tokens
from ..shapes import Array, Float
from .normalize import log_softmax, softmax
from .processors import Processor
from .settings import GenerationSettings

_BINS = 4096


def truncations_of(settings: GenerationSettings) -> list[Processor]:
    """Return what these settings do before a draw, in order."""
    # A beam needs a token that does not end beside every one that does.
    fewest = max(2, 1 + len(settings.eos_token_id)) if settings.num_beams > 1 else 1
    possible: list[tuple[bool, Processor]] = [
        (settings.temperature != 1.0, lambda scores, _: heat(scores, settings.temperature)),
        (settings.top_k != 0, lambda scores, _: keep_top_k(scores, max(settings.top_k, fewest))),
        (settings.top_p < 1.0, lambda scores, _: keep_top_p(scores, settings.top_p, fewest)),
        (settings.min_p is not None, lambda scores, _: keep_min_p(scores, settings.min_p, fewest)),
        (
            settings.typical_p < 1.0,
            lambda scores, _: keep_typical(scores, settings.typical_p, fewest),
        ),
    ]
    return [truncation for has_effect, truncation in possible if has_effect]


def heat(scores: Float[Array, "rows vocab"], temperature: float) -> None:
    """Divide scores by the temperature."""
    with np.errstate(over="ignore"):  # the lowest number, which stands for an invalid score
        scores /= scores.dtype.type(temperature)


def keep_top_k(scores: Float[Array, "rows vocab"], count: int) -> None:
    """Leave the ``count`` best of each row, and all that equal the last of them."""
    least = top_tokens(scores, min(count, scores.shape[1]))[0][:, -1:]
    scores[scores < least] = -np.inf


def keep_top_p(scores: Float[Array, "rows vocab"], share: float, fewest: int = 1) -> None:
    """Leave the fewest best of each row whose probabilities reach ``share``."""
    for row in scores:
        columns = np.flatnonzero(row > -np.inf)
        values = row[columns]
        is_out = _least_likely(values, row.dtype.type(1 - share))
        if len(values) - is_out.sum() < fewest:
            is_out[np.argsort(values, kind="stable")[-fewest:]] = False
        row[columns[is_out]] = -np.inf


def _least_likely(values: FloatArray, share: Any) -> BoolArray:
    """Return which values are the least likely ones that have at most ``share`` together.

    Only where the sum crosses ``share`` does the order matter, so the values are dealt to bins of
    rising value, and only those of one bin are sorted.
    """
    probabilities = softmax(values)
    least, most = values.min(), values.max()
    scale = np.float32((_BINS - 1) / max(float(most - least), 1e-30))
    bins = np.minimum((values - least) * scale, _BINS - 1).astype(np.int64)
    # In float64 and rounded at the end, as PyTorch adds.
    sums = np.cumsum(np.bincount(bins, weights=probabilities, minlength=_BINS))
    crossing = int((sums.astype(values.dtype) <= share).sum())
    is_out = bins < crossing
    if crossing < _BINS:
        members = np.flatnonzero(bins == crossing)
        members = members[np.argsort(values[members], kind="stable")]
        before = sums[crossing - 1] if crossing else 0.0
        totals = before + np.cumsum(probabilities[members], dtype=np.float64)
        is_out[members] = totals.astype(values.dtype) <= share
    return is_out


def keep_min_p(scores: Float[Array, "rows vocab"], share: float | None, fewest: int = 1) -> None:
    """Leave of each row what is at least ``share`` times as likely as the likeliest."""
    for row in scores:
        probabilities = softmax(row)
        is_out = probabilities < row.dtype.type(share) * probabilities.max()
        is_out[np.argpartition(probabilities, len(row) - fewest)[len(row) - fewest :]] = False
        row[is_out] = -np.inf


def keep_typical(scores: Float[Array, "rows vocab"], share: float, fewest: int = 1) -> None:
    """Leave the fewest of each row whose surprise is nearest to the mean, that reach ``share``."""
    log_probs = log_softmax(scores)
    probabilities = np.exp(log_probs)
    with np.errstate(invalid="ignore"):  # what is impossible already adds nothing
        entropies = -np.nansum(log_probs * probabilities, axis=1, keepdims=True, dtype=np.float64)
    distances = np.abs(-log_probs - entropies.astype(scores.dtype))
    for row, row_distances in zip(scores, distances, strict=True):
        order = np.argsort(row_distances, kind="stable")
        sums = np.cumsum(softmax(row[order]), dtype=np.float64).astype(row.dtype)
        last = min(int((sums < row.dtype.type(share)).sum()), len(row) - 1)
        is_out = row_distances[order] > row_distances[order[last]]
        is_out[:fewest] = False
        row[order[is_out]] = -np.inf
