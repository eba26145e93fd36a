"""Draws the next token at random, with temperature, top-k and top-p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engine.protocols import FloatArray, IntArray
from .choose import top_tokens
from .settings import SearchSettings


def generators(
    sources: Sequence[Sequence[int]], samples: int, seed: int
) -> list[np.random.Generator]:
    """Return one random generator for each sample of each source, sources outermost.

    It is seeded by ``seed``, the source's tokens and the sample's number, so a source's samples
    do not depend on the batch that it is in.
    """
    return [
        np.random.default_rng([seed, sample, len(source), *source])
        for source in sources
        for sample in range(samples)
    ]


def draw(log_probs: FloatArray, uniforms: FloatArray, settings: SearchSettings) -> IntArray:
    """Draw one token for each row.

    The tokens are limited first by top-k, then by top-p: to the fewest likeliest tokens whose
    probabilities, at this temperature, reach ``top_p``; always at least one.

    Args:
        log_probs: Float["rows vocab"].
        uniforms: Float["rows"], a random number in [0, 1) for each row.

    Returns:
        token ids Int["rows"].
    """
    # Top-k: the likeliest, in descending order, with weights proportional to their probabilities.
    vocab = log_probs.shape[1]
    ranked, tokens = top_tokens(log_probs, min(settings.top_k or vocab, vocab))
    scaled = ranked.astype(np.float64) / settings.temperature
    weights = np.exp(scaled - scaled[:, :1])
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    # Top-p: the last token that is needed is the first at which the sum reaches top_p.
    last = np.minimum((cumulative < settings.top_p).sum(axis=1), cumulative.shape[1] - 1)
    # The token in whose share of the sum the random number falls.
    rows = np.arange(len(tokens))
    aim = uniforms * cumulative[rows, last]
    place = np.minimum((cumulative <= aim[:, None]).sum(axis=1), last)
    return tokens[rows, place]
