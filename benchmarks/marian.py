"""Our weights in transformers' MarianMTModel, so that both compute the same function.

Marian's model is ours with norms after the sublayers, tied embeddings and sinusoidal positions;
but its positions hold all sines first and then all cosines, where ours alternate. Every axis of
width d_model is therefore permuted: the residual stream is the same up to its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError
from clearhead.shapes import Array

if TYPE_CHECKING:
    from transformers import MarianConfig, MarianMTModel

_LAYER = {
    "self_attention": "self_attn",
    "self_attention_norm": "self_attn_layer_norm",
    "cross_attention": "encoder_attn",
    "cross_attention_norm": "encoder_attn_layer_norm",
    "feed_forward_norm": "final_layer_norm",
}
_ATTENTION = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "out_proj"}
_FEED_FORWARD = {"up": "fc1", "down": "fc2"}


def marian_config(config: TransformerConfig) -> MarianConfig:
    """Return Marian's configuration for our settings.

    Raises:
        ConfigError: Marian has no such model.
    """
    from transformers import MarianConfig

    choices = (config.norm_place, config.norm, config.positions, config.activation)
    if choices != ("after", "layer", "sinusoidal", "relu") or not (
        config.tied_embeddings and config.bias and config.key_value_heads == config.num_heads
    ):
        raise ConfigError(
            "Marian's model has layer norms after each sublayer, sinusoidal positions, ReLU "
            "(here), biases, tied embeddings and as many key as query heads; "
            f"got {', '.join(choices)}."
        )
    return MarianConfig(
        vocab_size=config.vocab_size,
        d_model=config.d_model,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        encoder_attention_heads=config.num_heads,
        decoder_attention_heads=config.num_heads,
        encoder_ffn_dim=config.feed_forward_dim,
        decoder_ffn_dim=config.feed_forward_dim,
        activation_function="relu",
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        activation_dropout=0.0,
        scale_embedding=config.scale_embedding,
        max_position_embeddings=config.max_length,
        share_encoder_decoder_embeddings=True,
        tie_word_embeddings=True,
        pad_token_id=config.pad_id,
        bos_token_id=config.start_id,
        eos_token_id=config.end_id,
        decoder_start_token_id=config.start_id,
        forced_eos_token_id=None,
    )


def _marian_name(name: str) -> str:
    side, _, number, part, *rest = name.split(".")
    prefix = f"model.{side}.layers.{number}"
    if part == "feed_forward":
        return ".".join((prefix, _FEED_FORWARD[rest[0]], rest[1]))
    if len(rest) == 2:
        return ".".join((prefix, _LAYER[part], _ATTENTION[rest[0]], rest[1]))
    return ".".join((prefix, _LAYER[part], rest[0]))


def _permuted(name: str, weight: Any, order: Any) -> Any:
    """Put each axis that is the residual stream into Marian's order."""
    if name.endswith(("_norm.weight", "_norm.bias")):
        return weight[order]
    if name.endswith((".output.weight", ".down.weight", ".output.bias", ".down.bias")):
        return weight[order]
    return weight[:, order] if weight.ndim == 2 else weight


def marian_weights(config: TransformerConfig, weights: Mapping[str, Any]) -> dict[str, Array]:
    """Return our arrays under Marian's names, the shared embedding as ``model.shared``."""
    order = np.concatenate((np.arange(0, config.d_model, 2), np.arange(1, config.d_model, 2)))
    renamed = {"model.shared.weight": np.ascontiguousarray(weights["embedding.weight"][:, order])}
    for name, weight in weights.items():
        if name != "embedding.weight":
            renamed[_marian_name(name)] = np.ascontiguousarray(_permuted(name, weight, order))
    return renamed


def marian_model(config: TransformerConfig, weights: Mapping[str, Any]) -> MarianMTModel:
    """Return transformers' model with our weights, in evaluation mode.

    Raises:
        ConfigError: Marian has no such model, or a weight found no place in it.
    """
    import torch
    from transformers import MarianMTModel

    model = MarianMTModel(marian_config(config)).eval()
    state = {name: torch.from_numpy(w) for name, w in marian_weights(config, weights).items()}
    shared = state["model.shared.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    model.tie_weights()
    tied = (model.model.encoder.embed_tokens, model.model.decoder.embed_tokens, model.lm_head)
    if unexpected or not all(torch.equal(part.weight, shared) for part in tied):
        raise ConfigError(f"These weights found no place in Marian: {unexpected or 'embeddings'}.")
    rest = [name for name in missing if "embed" not in name and name != "lm_head.weight"]
    if [name for name in rest if name != "final_logits_bias"]:
        raise ConfigError(f"Marian lacks weights: {', '.join(rest)}.")
    return model
