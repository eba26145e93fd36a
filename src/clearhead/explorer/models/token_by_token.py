"""The fast engine's log-probabilities, token after token as a translation is made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...engine.protocols import Engine
from ...shapes import Array


def log_probabilities(engine: Engine, source: Sequence[int], target: Sequence[int]) -> Array:
    """Return an engine's log-probabilities of what follows each token of a target.

    Args:
        engine: decodes with its cache.
        source: token ids, end token included.
        target: token ids, the start token first.

    Returns:
        Float["target_len vocab"].
    """
    decoding = engine.begin([source])
    first_row = np.zeros(1, np.int64)
    rows = [decoding.advance(np.array([token]), first_row) for token in target]
    return np.concatenate(rows)
