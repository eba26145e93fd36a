"""Small engines, and what their models say without a cache."""

from __future__ import annotations

import numpy as np

from clearhead.engine.reference_engine import ReferenceEngine
from tests.reference.models import random_weights, small_config


def engine_of(**changes: object) -> ReferenceEngine:
    """A small engine in float64."""
    config = small_config(**changes)
    return ReferenceEngine.build(config, random_weights(config), dtype=np.float64)


def after_prefix(engine: ReferenceEngine, source: list[int], prefix: list[int]) -> np.ndarray:
    """Of the next token, by one forward pass without a cache."""
    model = engine.model
    if model.config.encoder_layers:
        return model.log_probabilities(np.array([source]), np.array([prefix]))[0, -1]
    return model.log_probabilities(None, np.array([source + prefix]))[0, -1]
