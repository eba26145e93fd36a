"""Checks that CTranslate2 computes the model written for it, by running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import CheckpointError
from ..search.settings import SearchSettings
from . import ctranslate2_engine
from .layout import Layout

_SOURCES = 12
# The largest difference of a token's log-probability from ours, averaged over a target: rounding in
# float32; for int8, the loss of storing rows with 255 values.
_TOLERANCE = {"float32": 1e-3, "int8": 0.5}


def verify(
    folder: Path,
    config: TransformerConfig,
    vocabulary: ctranslate2_engine.Vocabulary,
    compute: str,
    own_search: ctranslate2_engine.OwnSearch,
) -> dict[str, Any]:
    """Let CTranslate2 score the targets that our engine finds for random sources.

    Scores are a better test than tokens: near ties may go either way, while scores of a wrong model
    are far off whatever tokens it prefers.

    Args:
        folder: of the model for CTranslate2.
        config: of the model.
        vocabulary: its names.
        compute: the type that CTranslate2 computes in.
        own_search: the search with our own engine.

    Returns:
        what was compared, and the largest difference.

    Raises:
        CheckpointError: they differ by more than rounding explains.
    """
    sources = _random_sources(config)
    settings = SearchSettings(beam_size=1, max_length=min(12, config.max_length - 1))
    own = [best for best, *_ in own_search(sources, settings, [()] * len(sources))]
    model = ctranslate2_engine.open_model(folder, compute, Layout(1))
    results = model.score_batch(
        [vocabulary.names(source) for source in sources],
        [vocabulary.names(hypothesis.tokens) for hypothesis in own],
    )
    differences = [
        abs(sum(result.log_probs) - hypothesis.log_prob) / (len(hypothesis.tokens) + 1)
        for result, hypothesis in zip(results, own, strict=True)
    ]
    worst = max(differences)
    if not worst <= _TOLERANCE[compute]:  # written so that NaN fails too
        raise CheckpointError(
            f"CTranslate2 computes other numbers with this model: log-probabilities of tokens "
            f"differ by {worst:.3g}, and in {compute} they may by {_TOLERANCE[compute]}. Translate "
            f"with the engine numpy or torch, and please report it."
        )
    return {"sources": len(sources), "largest difference of a token": worst}


def _random_sources(config: TransformerConfig) -> Sequence[Sequence[int]]:
    """Return a fixed set of sources of different lengths, each with an end token."""
    rng = np.random.default_rng(0)
    ids = [
        number
        for number in range(config.vocab_size)
        if number not in (config.pad_id, config.start_id, config.end_id)
    ]
    longest = min(16, config.max_length - 1)
    return [
        [*rng.choice(ids, 1 + number % longest).tolist(), config.end_id]
        for number in range(_SOURCES)
    ]
