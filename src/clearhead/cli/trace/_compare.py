"""The reference in float64 against the fast models in float32, over one sentence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearhead.reference.softmax import log_softmax
from clearhead.shapes import Array
from clearhead.translation.checkpoint import Checkpoint
from clearhead.translation.walkthrough import Walkthrough


def differences(
    checkpoint: Checkpoint, walkthrough: Walkthrough, logits: Array
) -> Iterator[tuple[str, float | None]]:
    """Yield the largest difference of a log-probability, for each fast model.

    Args:
        checkpoint: of the model.
        walkthrough: the sentence and its translation.
        logits: of the reference, Float["target_len vocab"].

    Yields:
        what was compared, and the difference; None where PyTorch is not installed.
    """
    reference = log_softmax(logits)
    cached = walkthrough.token_by_token(checkpoint.engine())
    yield "NumPy, float32, key-value cache", float(np.abs(cached - reference).max())
    layers = _torch_log_probabilities(checkpoint, walkthrough)
    difference = None if layers is None else float(np.abs(layers - reference).max())
    yield "PyTorch, float32, clearhead.nn", difference


def _torch_log_probabilities(checkpoint: Checkpoint, walkthrough: Walkthrough) -> Array | None:
    """Return those of `clearhead.nn`, Float["target_len vocab"]; None without PyTorch."""
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
        logits = layers(torch.tensor([walkthrough.source]), torch.tensor([walkthrough.target]))[0]
    return torch.log_softmax(logits, dim=-1).numpy()
