"""One sentence walked: its translation, its forward pass in float64, and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..config import TransformerConfig
from ..reference.trace import Trace
from ..reference.transformer import Transformer
from ..translation.checkpoint import Checkpoint
from .requests import RunRequest


@dataclass(frozen=True, eq=False)
class Run:
    """A translation and its forward pass, with every step but the contributions.

    Attributes:
        request: what was asked, normalised.
        checkpoint: of the model; its weights are float32.
        reference: the model in float64; ``reference.weights`` are its weights by name, exactly
            those that the trace was computed with.
        trace: float64, batch of 1: all steps but attention's ``contributions``. Edited steps
            say ``replaced``.
        source: token ids of the (edited) source, its end token included.
        target: token ids that the decoder reads, the start token first.
        json: the answer to the question ``run``.
    """

    request: RunRequest
    checkpoint: Checkpoint
    reference: Transformer
    trace: Trace
    source: tuple[int, ...]
    target: tuple[int, ...]
    json: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> TransformerConfig:
        """The shape of the model."""
        return self.checkpoint.config

    @property
    def predicted(self) -> tuple[int, ...]:
        """What follows each of the decoder's tokens, the end token last."""
        return (*self.target[1:], self.config.end_id)
