"""The reference in float64 against the fast models in float32, over one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from clearhead.reference.softmax import log_softmax
from clearhead.translation.checkpoint import Checkpoint
from clearhead.translation.tracing import Pass

Array = np.ndarray[Any, Any]


def differences(
    checkpoint: Checkpoint, given: Pass, logits: Array
) -> Iterator[tuple[str, float | None]]:
    """The largest difference of a log-probability, for each fast model.

    Args:
        checkpoint: of the model.
        given: the sentence and its translation.
        logits: of the reference, Float["target_len vocab"].

    Yields:
        what was compared, and the difference; None where PyTorch is not installed.
    """
    expected = log_softmax(logits)
    cached = _cached(checkpoint, given)
    yield "NumPy, float32, key-value cache", float(np.abs(cached - expected).max())
    layers = _layers(checkpoint, given)
    found = None if layers is None else float(np.abs(layers - expected).max())
    yield "PyTorch, float32, clearhead.nn", found


def _cached(checkpoint: Checkpoint, given: Pass) -> Array:
    """Token after token, as a translation is made: Float["target_len vocab"]."""
    decoding = checkpoint.engine().begin([given.source])
    rows = [decoding.advance(np.array([token]), np.array([0])) for token in given.target]
    return np.concatenate(rows)


def _layers(checkpoint: Checkpoint, given: Pass) -> Array | None:
    try:
        import torch
    except ImportError:
        return None
    from clearhead.nn import Transformer as Layers

    layers = Layers(checkpoint.config).eval()
    layers.load_state_dict(
        {name: torch.from_numpy(array) for name, array in checkpoint.weights.items()}
    )
    with torch.no_grad():
        logits = layers(torch.tensor([given.source]), torch.tensor([given.target]))[0]
    return torch.log_softmax(logits, dim=-1).numpy()
