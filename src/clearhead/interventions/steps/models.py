"""Tells which models are ours, and which `Transformer` computes for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeGuard

from ...engine.reference_engine import ReferenceEngine
from ...reference.transformer import Transformer


class HasEngine(Protocol):
    """An object that computes with a NumPy engine: a loaded model, a translator."""

    @property
    def engine(self) -> Any:
        """The engine."""
        ...


NumpyModel: TypeAlias = Transformer | ReferenceEngine | HasEngine


def is_ours(model: object) -> TypeGuard[NumpyModel]:
    """Return whether a model computes with the reference."""
    return isinstance(model, Transformer | ReferenceEngine) or isinstance(
        getattr(model, "engine", None), ReferenceEngine
    )


def transformer_of(model: NumpyModel) -> Transformer:
    """Return the `Transformer` of a model of ours."""
    if isinstance(model, Transformer):
        return model
    engine = model if isinstance(model, ReferenceEngine) else model.engine
    transformer: Transformer = engine.model
    return transformer


def computes_for(model: NumpyModel) -> Callable[[object], bool]:
    """Return the function that tells whether a `Transformer` computes for a model.

    A loaded model may have several of the same weights, such as one that embeds many texts.
    """
    transformer = transformer_of(model)
    others: Callable[[object], bool] | None = getattr(model, "computes_with", None)
    return lambda one: one is transformer or (others is not None and others(one))
