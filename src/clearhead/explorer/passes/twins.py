"""One model in two precisions: float32 to run fast, and float64 to show its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from ...config import TransformerConfig
from ...engine.in_place import IN_PLACE
from ...engine.products import INDEPENDENT_ROWS
from ...engine.reference_engine import ReferenceEngine
from ...reference.transformer import Transformer
from ...shapes import Array
from .wide_model import WideTransformer


def twins(
    config: TransformerConfig, weights: Mapping[str, Array]
) -> tuple[ReferenceEngine, Transformer]:
    """Return the engine in float32, and the model in float64; neither copies large weights.

    Raises:
        ConfigError: weights are missing or unexpected; the message lists them.
        ShapeError: weights have wrong shapes; the message lists them.
    """
    fast = ReferenceEngine.build(config, weights, products=IN_PLACE)
    return fast, WideTransformer(config, weights)


def exact_model(config: TransformerConfig, weights: Mapping[str, Array]) -> Transformer:
    """Return the model in float64.

    Raises:
        ConfigError: weights are missing or unexpected; the message lists them.
        ShapeError: weights have wrong shapes; the message lists them.
    """
    return Transformer(config, weights, products=INDEPENDENT_ROWS)
