"""Which weights a config needs, and whether a dictionary holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError, ShapeError
from ..shapes import Array
from ..visible import visible

Shape = tuple[int, ...]
_MOST_NAMES = 8  # weights that an error lists
_MOST_COUNT = 4096  # of those that it does not list, so many are counted


def expected_shapes(config: TransformerConfig) -> dict[str, Shape]:
    """Return the name and shape of every weight of a model, as docs/formats.md names them."""
    return dict(_shapes(config))


def _shapes(config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    sides = [("source", "encoder", config.encoder_layers)]
    sides.append(("target", "decoder", config.decoder_layers))
    matrix = (config.vocab_size, config.d_model)
    if config.tied_embeddings:
        yield "embedding.weight", matrix
    if config.output.matrix and not config.tied_output:
        yield "output.weight", (config.output_size, config.d_model)
    for side, stack, layers in sides:
        if layers:
            yield from _embedding(side, config)
            yield from _stack(stack, layers, config.of_stack(stack))
    yield from _output(config)


def _embedding(side: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    """What a side's token vectors are made with, beside one matrix for all sides."""
    part, width = config.embedding, config.d_model
    if config.reads_images:
        yield from _linear("patches", width, config.patches.pixels, True)
        if config.patches.class_token:
            yield "class_token.weight", (1, width)
    elif not config.tied_embeddings:
        yield f"{side}_embedding.weight", (config.vocab_size, width)
    if config.positions == "learned":
        yield f"{side}_positions.weight", (config.max_length + part.position_offset, width)
    if part.token_types:
        yield "token_types.weight", (part.token_types, width)
    if part.norm:
        yield from _norm(f"{side}_embedding_norm", config)


def _stack(stack: str, layers: int, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    if config.positions == "relative":
        yield f"{stack}.relative_bias.weight", (config.relative_buckets, config.num_heads)
    if config.norm_place != "after":
        yield from _norm(f"{stack}.norm", config)
    for layer in range(layers):
        yield from _layer(f"{stack}.layers.{layer}", stack, config)


def _layer(path: str, stack: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    attentions = ["self_attention"]
    if stack == "decoder" and config.encoder_layers:
        attentions.append("cross_attention")
    for name in attentions:
        yield from _sublayer_norms(f"{path}.{name}", config)
        yield from _attention(f"{path}.{name}", config)
    path = f"{path}.feed_forward"
    yield from _sublayer_norms(path, config)
    for part in ("up", "gate") if config.gated else ("up",):
        yield from _linear(f"{path}.{part}", config.feed_forward_dim, config.d_model, config.bias)
    yield from _linear(f"{path}.down", config.d_model, config.feed_forward_dim, config.bias)


def _attention(path: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    wide = config.num_heads * config.head_dim
    narrow = config.key_value_heads * config.head_dim
    for part, out in (("query", wide), ("key", narrow), ("value", narrow)):
        yield from _linear(f"{path}.{part}", out, config.d_model, config.attention_bias)
    yield from _linear(f"{path}.output", config.d_model, wide, config.attention_output_bias)
    if config.attention.head_norm:
        yield f"{path}.query_norm.weight", (config.head_dim,)
        yield f"{path}.key_norm.weight", (config.head_dim,)


def _output(config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    if config.output.transform:
        yield from _linear("output_transform", config.d_model, config.d_model, True)
        if config.output.transform_norm:
            yield from _norm("output_norm", config)
    if config.output.bias:
        yield "output.bias", (config.output_size,)


def _linear(path: str, out: int, inner: int, bias: bool) -> Iterator[tuple[str, Shape]]:
    yield f"{path}.weight", (out, inner)
    if bias:
        yield f"{path}.bias", (out,)


def _sublayer_norms(path: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    yield from _norm(f"{path}_norm", config)
    if config.norm_place == "both":
        yield from _norm(f"{path}_output_norm", config)


def _norm(path: str, config: TransformerConfig) -> Iterator[tuple[str, Shape]]:
    yield f"{path}.weight", (config.d_model,)
    if config.norm == "layer":
        yield f"{path}.bias", (config.d_model,)


def check_weights(
    weights: Mapping[str, Array], config: TransformerConfig, *, dtype: Any
) -> dict[str, Array]:
    """Check the weights of a config, and cast them to one dtype.

    Raises:
        ConfigError: weights are missing, or there are some that the config does not know.
        ShapeError: weights have other shapes than the config says.
    """
    check_shapes({name: tuple(np.shape(array)) for name, array in weights.items()}, config)
    return {name: np.asarray(weights[name], dtype=dtype) for name in expected_shapes(config)}


def check_shapes(shapes: Mapping[str, Shape], config: TransformerConfig) -> None:
    """Compare names and shapes of weights with those of a config, however many it asks for.

    A config of a thousand million layers takes no more time and memory than there are weights.

    Raises:
        ConfigError: weights are missing, or there are some that the config does not know.
        ShapeError: weights have other shapes than the config says.
    """
    # Of names that are all different, more than there are weights cannot all be among them.
    most = max(len(shapes), _MOST_COUNT) + _MOST_NAMES
    config_shapes = dict(islice(_shapes(config), most + 1))
    whole = len(config_shapes) <= most
    missing = [name for name in config_shapes if name not in shapes]
    unexpected = [name for name in shapes if name not in config_shapes] if whole else []
    if missing or unexpected:
        parts = []
        if missing:
            parts.append(f"missing: {_listed(missing, more=None if whole else ' and more')}")
        if unexpected:
            parts.append(f"unexpected: {_listed(list(map(visible, unexpected)))}")
        raise ConfigError(
            f"The weights are not those of this config; {'; '.join(parts)}. "
            "Load them with the config that they were saved with."
        )
    wrong = [
        f"{name} is {shapes[name]} and should be {shape}"
        for name, shape in config_shapes.items()
        if shapes[name] != shape
    ]
    if wrong:
        raise ShapeError(
            f"Weights of other shapes than the config says: {_listed(wrong, '; ')}. "
            "Load them with the config that they were saved with."
        )


def _listed(names: list[str], separator: str = ", ", more: str | None = None) -> str:
    if more is None:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return separator.join(names[:_MOST_NAMES]) + more
