"""Readings of texts with random numbers, for the tests of this room."""

from __future__ import annotations

import numpy as np

from clearhead.head_kinds import HeadSums, HeadWeights, scored_heads
from clearhead.surveys.reading import LayerReading, TextReading


def layer_reading(random: np.random.Generator, heads: int = 3, length: int = 7) -> LayerReading:
    """Return a reading of causal self-attention; head 0 reads the token before, mostly."""
    scores = random.normal(size=(heads, length, length)) * 3
    scores[0] += 6 * np.eye(length, k=-1)
    allowed = np.tril(np.ones((length, length), bool))
    weights = np.where(allowed, np.exp(scores), 0.0)
    weights /= weights.sum(-1, keepdims=True)
    visible = np.broadcast_to(allowed, weights.shape)
    ids = random.integers(0, 3, length)
    text = HeadWeights.of(weights, visible, cross=False, ids=ids)
    sums = HeadSums.of(text).rounded()
    values = {
        "entropy": text.entropy.mean(-1),
        "sink": weights[..., 0].mean(-1),
        "distance": random.uniform(0, length, heads),
        **sums.scores(),
    }
    kinds = tuple(head.kind for head in scored_heads(sums))
    return LayerReading("self", "sdpa math", values, sums, kinds)


def text_readings(seed: int, count: int) -> list[TextReading]:
    """Return readings of so many texts by a model of two layers, of which one is called again."""
    random = np.random.default_rng(seed)
    readings = []
    for _ in range(count):
        length = int(random.integers(1, 9))
        layers = {
            (2, "layers.0", 0): layer_reading(random, 3, length),
            (5, "layers.1", 0): layer_reading(random, 2, length),
        }
        if length > 4:
            layers[(5, "layers.1", 1)] = layer_reading(random, 2, length)
        refusals = {"layers.2": "a mask of # keys"} if length > 5 else {}
        readings.append(TextReading(layers, length, length // 2, length == 3, refusals))
    return readings
