"""Draws: the next token at random, with temperature, top-k and top-p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...engine.protocols import FloatArray, IntArray
from .choose import top_tokens
from .settings import SearchSettings


def generators(
    sources: Sequence[Sequence[int]], samples: int, seed: int
) -> list[np.random.Generator]:
    """One random generator for each sample of each source, sources outermost.

    It is seeded by ``seed``, the source's tokens and the sample's number, so a source's samples
    do not depend on the batch that it is in.
    """
    return [
        np.random.default_rng([seed, sample, len(source), *source])
        for source in sources
        for sample in range(samples)
    ]


def draw(log_probs: FloatArray, uniforms: FloatArray, settings: SearchSettings) -> IntArray:
    """One token for each row.

    The tokens that may be drawn are those that top-k leaves, then top-p: the fewest likeliest
    whose probabilities, at this temperature, reach ``top_p``; always at least one.

    Args:
        log_probs: ``[rows, vocab]``.
        uniforms: a random number in [0, 1) for each row, ``[rows]``.

    Returns:
        token ids ``[rows]``.
    """
    vocab = log_probs.shape[1]
    ranked, tokens = top_tokens(log_probs, min(settings.top_k or vocab, vocab))
    scaled = ranked.astype(np.float64) / settings.temperature
    weights = np.exp(scaled - scaled[:, :1])
    reached = np.cumsum(weights, axis=1)
    reached /= reached[:, -1:]
    # The last token that is needed is the first at which the sum reaches top_p.
    last = np.minimum((reached < settings.top_p).sum(axis=1), reached.shape[1] - 1)
    rows = np.arange(len(tokens))
    aim = uniforms * reached[rows, last]
    place = np.minimum((reached <= aim[:, None]).sum(axis=1), last)
    return tokens[rows, place]
