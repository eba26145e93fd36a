"""Which weights a config needs, and whether a dictionary holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError, ShapeError

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def expected_shapes(config: TransformerConfig) -> dict[str, Shape]:
    """The name and shape of every weight of a model, as ARCHITECTURE.md names them."""
    return dict(_shapes(config))


def _shapes(config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    sides = [("source", "encoder", config.encoder_layers)]
    sides.append(("target", "decoder", config.decoder_layers))
    matrix = (config.vocab_size, config.d_model)
    if config.tied_embeddings:
        yield "embedding.weight", matrix
    else:
        yield "output.weight", matrix
    for side, stack, layers in sides:
        if not layers:
            continue
        if not config.tied_embeddings:
            yield f"{side}_embedding.weight", matrix
        if config.positions == "learned":
            yield f"{side}_positions.weight", (config.max_length, config.d_model)
        if config.positions == "relative":
            shape = (config.relative_buckets, config.num_heads)
            yield f"{stack}.relative_bias.weight", shape
        if config.norm_place == "before":
            yield from _norm(f"{stack}.norm", config)
        for layer in range(layers):
            yield from _layer(f"{stack}.layers.{layer}", stack, config)


def _layer(path: str, stack: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    attentions = ["self_attention"]
    if stack == "decoder" and config.encoder_layers:
        attentions.append("cross_attention")
    width, inner = config.d_model, config.feed_forward_dim
    narrow = config.key_value_heads * config.head_dim
    for name in attentions:
        yield from _norm(f"{path}.{name}_norm", config)
        for part, out in (("query", width), ("key", narrow), ("value", narrow), ("output", width)):
            yield from _linear(f"{path}.{name}.{part}", out, width, config)
    yield from _norm(f"{path}.feed_forward_norm", config)
    for part in ("up", "gate") if config.gated else ("up",):
        yield from _linear(f"{path}.feed_forward.{part}", inner, width, config)
    yield from _linear(f"{path}.feed_forward.down", width, inner, config)


def _linear(
    path: str, out: int, inner: int, config: TransformerConfig
) -> Iterator[tuple[str, Shape]]:
    yield f"{path}.weight", (out, inner)
    if config.bias:
        yield f"{path}.bias", (out,)


def _norm(path: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    yield f"{path}.weight", (config.d_model,)
    if config.norm == "layer":
        yield f"{path}.bias", (config.d_model,)


def check_weights(
    weights: Mapping[str, Array], config: TransformerConfig, *, dtype: Any
) -> dict[str, Array]:
    """The weights of a config, in one dtype.

    Raises:
        ConfigError: weights are missing, or there are some that the config does not know.
        ShapeError: weights have other shapes than the config says.
    """
    expected = expected_shapes(config)
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    if missing or unexpected:
        parts = []
        if missing:
            parts.append(f"missing: {_listed(missing)}")
        if unexpected:
            parts.append(f"unexpected: {_listed(unexpected)}")
        raise ConfigError(
            f"The weights are not those of this config; {'; '.join(parts)}. "
            "Load them with the config that they were saved with."
        )
    wrong = [
        f"{name} is {tuple(np.shape(weights[name]))} and should be {shape}"
        for name, shape in expected.items()
        if tuple(np.shape(weights[name])) != shape
    ]
    if wrong:
        raise ShapeError(
            f"Weights of other shapes than the config says: {_listed(wrong, '; ')}. "
            "Load them with the config that they were saved with."
        )
    return {name: np.asarray(weights[name], dtype=dtype) for name in expected}


def _listed(names: list[str], separator: str = ", ", most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more
