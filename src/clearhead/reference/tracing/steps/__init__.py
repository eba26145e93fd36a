"""Every kind of step that the reference records, each declared once."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from ..step_kind import StepKind
from . import (
    attention,
    attention_gradients,
    embedding,
    gradients,
    heads,
    layers,
    loss,
    patches,
    projection_gradients,
    stacks,
)

__all__ = [
    "attention",
    "attention_gradients",
    "embedding",
    "gradients",
    "heads",
    "kind_of",
    "kinds",
    "layers",
    "loss",
    "patches",
    "projection_gradients",
    "stacks",
]


def kinds() -> Iterator[StepKind]:
    """Yield every kind, in the order of the declaration."""
    forward = (patches, embedding, layers, attention, heads, stacks)
    backward = (loss, gradients, attention_gradients, projection_gradients)
    for module in (*forward, *backward):
        yield from _declared(module)


def kind_of(path: str, formula: str) -> StepKind | None:
    """Return the kind of a recorded step; None for a user's own step."""
    return _KINDS.get((path.rpartition(".")[2], formula))


def _declared(module: ModuleType) -> Iterator[StepKind]:
    for name, entry in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(entry, StepKind):
            yield entry
        elif isinstance(entry, dict):
            yield from (kind for kind in entry.values() if isinstance(kind, StepKind))


_KINDS = {(kind.name, kind.formula): kind for kind in kinds()}
