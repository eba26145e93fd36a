"""Builds CTranslate2's description of a Transformer from a model of ours, with NumPy arrays.

`clearhead.export.ctranslate2` uses transformers and PyTorch, and can write every kind of model.
Here encoder-decoder models are written directly, so that only CTranslate2 is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..config_parts import AttentionConfig, DecoderConfig, EmbeddingConfig, PatchConfig
from ..errors import ConfigError
from ..reference.positions import sinusoidal_positions
from ..shapes import Array

# Our activation -> CTranslate2's name, and whether the layer is gated.
_ACTIVATIONS = {
    "relu": ("RELU", False),
    "gelu": ("GELU", False),
    "gelu_tanh": ("GELUTanh", False),
    "silu": ("SWISH", False),
    "reglu": ("RELU", True),
    "geglu": ("GELU", True),
    "geglu_tanh": ("GELUTanh", True),
    "swiglu": ("SWISH", True),
}
_POSITIONS = ("sinusoidal", "learned", "none")
_PARTS = {
    "attention": AttentionConfig(),
    "embedding": EmbeddingConfig(),
    "patches": PatchConfig(),
    "decoder": DecoderConfig(),
}


def check_config(config: TransformerConfig) -> None:
    """Check that CTranslate2 can compute the model of a config as it is written here.

    Raises:
        ConfigError: it cannot; the message names the settings.
    """
    problems = [
        f"{name} is {getattr(config, name)}"
        for name, plain in _PARTS.items()
        if getattr(config, name) != plain
    ]
    if config.positions not in _POSITIONS:
        problems.append(f"positions is {config.positions!r}")
    if config.norm_place not in ("before", "after"):
        problems.append(f"norm_place is {config.norm_place!r}")
    if config.key_value_heads != config.num_heads:
        problems.append(f"num_kv_heads is {config.key_value_heads}")
    if not (config.encoder_layers and config.decoder_layers):
        problems.append(
            f"it has {config.encoder_layers} encoder and {config.decoder_layers} decoder layers"
        )
    if config.output.scale is not None or config.output.softcap or config.output.transform:
        problems.append(f"output is {config.output}")
    if problems:
        raise ConfigError(
            f"This model is not written for CTranslate2 here: {'; '.join(problems)}. Translate "
            f"with the engine numpy or torch."
        )


def write_model(
    config: TransformerConfig,
    weights: Mapping[str, Array],
    pieces: Sequence[str],
    folder: Path,
    *,
    quantization: str = "float32",
) -> None:
    """Write the files that ``ctranslate2.Translator`` opens.

    Args:
        config: of an encoder-decoder model.
        weights: float32, by the names of docs/formats.md.
        pieces: the name of each token id of the model, all different.
        folder: an empty folder.
        quantization: ``float32`` or ``int8``.

    Raises:
        ConfigError: CTranslate2 cannot compute this model.
    """
    check_config(config)
    spec = _specification(config, weights)
    spec.register_source_vocabulary(list(pieces))
    spec.register_target_vocabulary(list(pieces))
    spec.config.bos_token = spec.config.decoder_start_token = pieces[config.start_id]
    spec.config.eos_token = pieces[config.end_id]
    # There is no unknown token, since every text has ids. Padding, like an unknown token, is never
    # generated.
    spec.config.unk_token = pieces[config.pad_id]
    spec.config.layer_norm_epsilon = config.norm_epsilon
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(folder))


def _specification(config: TransformerConfig, weights: Mapping[str, Array]) -> Any:
    from ctranslate2.specs import common_spec, transformer_spec

    activation, is_gated = _ACTIVATIONS[config.activation]
    spec = transformer_spec.TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        config.num_heads,
        pre_norm=config.norm_place == "before",
        activation=common_spec.Activation[activation],
        ffn_glu=is_gated,
        rms_norm=config.norm == "rms",
    )
    stacks = {"encoder": spec.encoder, "decoder": spec.decoder}
    for name, stack in stacks.items():
        side = "source" if name == "encoder" else "target"
        stack.scale_embeddings = math.sqrt(config.d_model) if config.scale_embedding else 1.0
        embeddings = stack.embeddings[0] if name == "encoder" else stack.embeddings
        # A copy, because quantization changes its array in place. The other matrices are new,
        # joined ones.
        embeddings.weight = weights[f"{config.embedding_name(side)}.weight"].copy()
        stack.position_encodings.encodings = _positions(config, weights, side)
        if config.norm_place == "before":
            _set_norm(stack.layer_norm, weights, f"{name}.norm")
        for number, layer in enumerate(stack.layer):
            _set_layer(layer, weights, f"{name}.layers.{number}", is_gated)
    _set_linear(spec.decoder.projection, weights, [config.output_name], bias="output.bias")
    return spec


def _positions(config: TransformerConfig, weights: Mapping[str, Array], side: str) -> Array:
    """Return the vectors of all positions, Float["max_length d_model"]."""
    if config.positions == "learned":
        return weights[f"{side}_positions.weight"]
    if config.positions == "none":
        return np.zeros((config.max_length, config.d_model), np.float32)
    return sinusoidal_positions(config.max_length, config.d_model, dtype=np.float32)


def _set_layer(layer: Any, weights: Mapping[str, Array], name: str, is_gated: bool) -> None:
    own = f"{name}.self_attention"
    _set_norm(layer.self_attention.layer_norm, weights, f"{own}_norm")
    _set_linear(
        layer.self_attention.linear[0], weights, [f"{own}.{x}" for x in ("query", "key", "value")]
    )
    _set_linear(layer.self_attention.linear[1], weights, [f"{own}.output"])
    cross = f"{name}.cross_attention"
    if f"{cross}.query.weight" in weights:
        _set_norm(layer.attention.layer_norm, weights, f"{cross}_norm")
        _set_linear(layer.attention.linear[0], weights, [f"{cross}.query"])
        _set_linear(layer.attention.linear[1], weights, [f"{cross}.key", f"{cross}.value"])
        _set_linear(layer.attention.linear[2], weights, [f"{cross}.output"])
    inner = f"{name}.feed_forward"
    _set_norm(layer.ffn.layer_norm, weights, f"{inner}_norm")
    _set_linear(layer.ffn.linear_0, weights, [f"{inner}.{'gate' if is_gated else 'up'}"])
    if is_gated:
        _set_linear(layer.ffn.linear_0_noact, weights, [f"{inner}.up"])
    _set_linear(layer.ffn.linear_1, weights, [f"{inner}.down"])


def _set_norm(norm: Any, weights: Mapping[str, Array], name: str) -> None:
    norm.gamma = weights[f"{name}.weight"]
    if f"{name}.bias" in weights:
        norm.beta = weights[f"{name}.bias"]


def _set_linear(
    linear: Any, weights: Mapping[str, Array], names: Sequence[str], bias: str | None = None
) -> None:
    """Set a linear layer to ours, or to several of ours with the same input, concatenated."""
    linear.weight = np.concatenate([weights[f"{name}.weight"] for name in names])
    biases = [bias] if bias else [f"{name}.bias" for name in names]
    if all(name in weights for name in biases):
        linear.bias = np.concatenate([weights[name] for name in biases])
