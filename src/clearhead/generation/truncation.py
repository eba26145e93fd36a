"""What is left to draw among: temperature, top-k, top-p, min-p and typical-p, in this order.

Each sets the scores of what is left out to minus infinity, in place. Ties are cut as transformers
cuts them, where it says how.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..shapes import Array, Float
from ..translation.search.choose import top_tokens
from .normalize import log_softmax, softmax
from .settings import GenerationSettings

Truncation = Callable[[Float[Array, "rows vocab"]], None]


def truncations_of(settings: GenerationSettings) -> list[Truncation]:
    """Return what these settings do before a draw, in order."""
    # A beam needs a token that does not end beside every one that does.
    fewest = len(settings.eos_token_id) + 1 if settings.num_beams > 1 else 1
    if settings.num_beams > 1 and not settings.eos_token_id:
        fewest = 2
    possible: list[tuple[bool, Truncation]] = [
        (settings.temperature != 1.0, lambda scores: heat(scores, settings.temperature)),
        (settings.top_k != 0, lambda scores: keep_top_k(scores, max(settings.top_k, fewest))),
        (settings.top_p < 1.0, lambda scores: keep_top_p(scores, settings.top_p, fewest)),
        (settings.min_p is not None, lambda scores: keep_min_p(scores, settings.min_p, fewest)),
        (settings.typical_p < 1.0, lambda scores: keep_typical(scores, settings.typical_p, fewest)),
    ]
    return [truncation for has_effect, truncation in possible if has_effect]


def heat(scores: Float[Array, "rows vocab"], temperature: float) -> None:
    """Divide scores by the temperature."""
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
        probabilities = softmax(values)
        rest = row.dtype.type(1 - share)
        # So unlikely that all of them together cannot reach the rest: they need not be sorted.
        is_tail = probabilities < rest / (2 * len(values))
        tail = probabilities[is_tail].sum(dtype=np.float64)
        body = np.flatnonzero(~is_tail)
        order = body[np.argsort(values[body], kind="stable")]
        # From the least likely upwards, in float64 and rounded, as PyTorch adds.
        sums = (tail + np.cumsum(probabilities[order], dtype=np.float64)).astype(row.dtype)
        is_out = sums <= rest
        is_out[-fewest:] = False
        if len(order) < fewest:  # then the tail has the others that must stay
            is_tail[np.argsort(values, kind="stable")[-fewest:]] = False
        row[columns[is_tail]] = -np.inf
        row[columns[order[is_out]]] = -np.inf


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
