"""The simplest search: the likeliest token at each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .reference_engine import ReferenceEngine


def greedy(
    engine: ReferenceEngine, sources: Sequence[Sequence[int]], *, max_length: int | None = None
) -> list[list[int]]:
    """Take the likeliest token at each step, until the end token or ``max_length``.

    Args:
        engine: of the model.
        sources: token ids of each source, end token included; prompts for a decoder-only model.
        max_length: the most tokens of a result; None means as many as the model can.

    Returns:
        the tokens of each result, without start and end token.
    """
    config = engine.model.config
    longest = 0 if config.encoder_layers else max(map(len, sources), default=0)
    room = config.max_length - longest
    max_length = room if max_length is None else min(max_length, room)
    results: list[list[int]] = [[] for _ in sources]
    if not results:
        return results
    decoding = engine.begin(sources)
    unfinished = np.arange(len(sources))  # the number of the source of each row
    parents, tokens = unfinished, np.full(len(sources), config.start_id)
    for _ in range(max_length):
        if not unfinished.size:
            break
        tokens = decoding.advance(tokens, parents).argmax(axis=-1)
        parents = np.flatnonzero(tokens != config.end_id)
        tokens, unfinished = tokens[parents], unfinished[parents]
        for number, token in zip(unfinished.tolist(), tokens.tolist(), strict=True):
            results[number].append(token)
    return results
