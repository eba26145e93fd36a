"""Compares the reference in float64 with the fast models in float32, on one text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearhead.engine.protocols import FloatArray
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.reference.softmax import log_softmax
from clearhead.shapes import Array
from clearhead.translation.checkpoint import Checkpoint

from ._subject import Subject


def differences(subject: Subject) -> Iterator[tuple[str, float | None]]:
    """Yield the largest difference of a log-probability, for each fast model.

    Yields:
        the name of the comparison, and the difference; None if PyTorch is not installed.
    """
    reference = log_softmax(subject.logits)
    name = "key-value cache" if subject.target else "one pass"
    fast = _numpy_log_probabilities(subject)
    yield f"NumPy, float32, {name}", float(np.abs(fast - reference).max())
    layers = _torch_log_probabilities(subject)
    difference = None if layers is None else float(np.abs(layers - reference).max())
    yield "PyTorch, float32, clearhead.nn", difference


def _numpy_log_probabilities(subject: Subject) -> FloatArray:
    """Return the engine's log-probabilities, computed token by token if there is a decoder."""
    source = subject.model.source
    if isinstance(source, Checkpoint):
        engine = source.engine()
    else:
        engine = ReferenceEngine.build(source.config, source.weights, dtype=np.float32)
    if not subject.target:
        return log_softmax(engine.model.forward(np.array([subject.source]))[0])
    decoding = engine.begin([subject.source])  # an empty prompt, if there is no encoder
    row = np.zeros(1, np.int64)
    return np.concatenate([decoding.advance(np.array([one]), row) for one in subject.target])


def _torch_log_probabilities(subject: Subject) -> Array | None:
    """Return those of `clearhead.nn`, Float["length vocab"]; None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    from clearhead.nn import Transformer as Layers

    source = subject.model.source
    layers = Layers(source.config).eval()
    layers.load_state_dict(
        {
            name: torch.tensor(np.asarray(array, np.float32))
            for name, array in source.weights.items()
        }
    )
    sides = [torch.tensor([ids]) if ids else None for ids in (subject.source, subject.target)]
    with torch.no_grad():
        logits = layers(*sides)[0]
    return torch.log_softmax(logits, dim=-1).numpy()
