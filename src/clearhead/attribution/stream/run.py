"""One run of a model, of which the stream and the attention are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...maps.recorder.record import record
from ...maps.recording.recording import Recording
from ..running import Inputs, check_model, run, written_out
from ..target import checked_index, logits_of
from .nodes import Node, Stack
from .walk import Places
from .watcher import Read, StreamWatcher


@dataclass(frozen=True, eq=False)
class StreamRun:
    """A run, and what was kept of it.

    Attributes:
        model: the model.
        logits: Float[Tensor, "batch length vocab"].
        node: where they came from.
        recording: of the attention; None if it was not requested.
        reads: the calls of modules that may have read the stream.
    """

    model: nn.Module
    logits: torch.Tensor
    node: Node
    recording: Recording | None
    reads: Sequence[Read]

    @property
    def name(self) -> str:
        """The class of the model."""
        return type(self.model).__name__

    @property
    def dtype(self) -> torch.dtype:
        """In which the model computes, as its first weight tells."""
        return next((p.dtype for p in self.model.parameters()), self.logits.dtype)

    def places(self, row: int, position: int) -> Places:
        """Return the place of a position in the run's tensors.

        Raises:
            ShapeError: there is no such row or position.
        """
        batch, length, _ = self.logits.shape
        return Places(
            batch,
            length,
            checked_index("row", row, batch),
            checked_index("position", position, length),
        )

    def layer_of(self, stack: Stack) -> int | None:
        """Return the number of the layer that was running: its place in a list of modules."""
        for name in stack:
            parent, _, last = name.rpartition(".")
            if last.isdigit() and isinstance(
                self.model.get_submodule(parent), nn.ModuleList | nn.Sequential
            ):
                return int(last)
        return None

    def attention_of(self, stack: Stack) -> str | None:
        """Return the innermost of some modules that attended, by its name in the recording."""
        if self.recording is None:
            return None
        return next((name for name in reversed(stack) if name in self.recording), None)


def stream_run(
    model: nn.Module, inputs: Inputs, purpose: str, *, attention: bool = True
) -> StreamRun:
    """Run a model once, without gradients, and keep its stream.

    Args:
        model: in eval mode.
        inputs: what it is called with.
        purpose: the purpose, with which errors begin.
        attention: whether its attention is recorded, too.

    Raises:
        ConfigError: it cannot be attributed, or returns no logits.
    """
    check_model(model, purpose)
    watcher = StreamWatcher(model)
    with torch.no_grad(), written_out():
        if attention:
            with watcher, record(model, values=True) as recording:
                output: Any = run(model, inputs)
        else:
            recording = None
            with watcher:
                output = run(model, inputs)
    logits = logits_of(output)
    return StreamRun(model, logits, watcher.node_of(logits), recording, watcher.reads)
