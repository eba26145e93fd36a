"""Backward passes of small models, with their traces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from clearhead.config import TransformerConfig
from clearhead.reference import Trace, gradients
from clearhead.reference.backward.gradients import Gradients
from tests.reference.models import random_ids, random_weights


class Batch(NamedTuple):
    """What `gradients` takes: ids of both sides, as far as the model has them, and labels."""

    source: np.ndarray | None
    target: np.ndarray | None
    labels: np.ndarray


def random_batch(config: TransformerConfig, seed: int = 0, *, batch: int = 2) -> Batch:
    """Texts of four and five tokens, the last with padding at its end; some labels do not count."""
    rng = np.random.default_rng(seed)
    source = random_ids(rng, config, batch, 4) if config.encoder_layers else None
    target = random_ids(rng, config, batch, 5) if config.decoder_layers else None
    text = source if target is None else target
    labels = random_ids(rng, config, *text.shape)
    for ids in (source, target, labels):
        if ids is not None and batch > 1:
            ids[-1, -2:] = config.pad_id
    return Batch(source, target, labels)


def backward(
    config: TransformerConfig, seed: int = 0, *, batch: int = 2, trace: Trace | None = None
) -> tuple[Trace, Gradients, dict[str, np.ndarray]]:
    """A recorded backward pass, its gradients, and the weights."""
    trace, weights = Trace() if trace is None else trace, random_weights(config, seed)
    source, target, labels = random_batch(config, seed, batch=batch)
    result = gradients(
        config, weights, source, target, labels=labels, label_smoothing=0.1, trace=trace
    )
    return trace, result, weights
