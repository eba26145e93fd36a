"""GPT-NeoX (Black et al. 2022, arXiv 2204.06745) and Pythia: parallel sublayers, biased.

Attention and feed-forward read the same input, unless ``use_parallel_residual`` is false. Rotary
positions rotate a part of each head. Queries, keys and values are stored in one tensor, grouped by
head.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...shapes import Array
from ..config_fields import activation
from ..family import Family, Shape, StoredWeight
from ._config import layer_count, token_ids, with_defaults
from ._places import FREQUENCIES, generates, part_of, places, untie
from ._rotary import rotary_fields, scaled

_DEFAULTS = {
    "vocab_size": 50432,
    "hidden_size": 6144,
    "num_hidden_layers": 44,
    "num_attention_heads": 64,
    "intermediate_size": 24576,
    "hidden_act": "gelu",
    "attention_dropout": 0.0,
    "hidden_dropout": 0.0,
    "max_position_embeddings": 2048,
    "layer_norm_eps": 1e-5,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "use_parallel_residual": True,
    "attention_bias": True,
    "rotary_emb_base": 10000.0,
    "rotary_pct": 0.25,
}
_TABLE = {
    "embedding": "embed_in",
    "target_embedding": "embed_in",
    "output": "embed_out",
    "decoder.norm": "final_layer_norm",
    "self_attention.query": "layers.{}.attention.query_key_value",
    "self_attention.key": "layers.{}.attention.query_key_value",
    "self_attention.value": "layers.{}.attention.query_key_value",
    "self_attention.output": "layers.{}.attention.dense",
    "self_attention_norm": "layers.{}.input_layernorm",
    "feed_forward.up": "layers.{}.mlp.dense_h_to_4h",
    "feed_forward.down": "layers.{}.mlp.dense_4h_to_h",
    "feed_forward_norm": "layers.{}.post_attention_layernorm",
}
_FUSED = ("self_attention.query", "self_attention.key", "self_attention.value")


def _read(fields: Fields) -> TransformerConfig:
    fields = with_defaults(fields, _DEFAULTS)
    vocab_size = fields.integer("vocab_size", least=1)
    bias = fields.flag("attention_bias")
    width = fields.integer("hidden_size", least=1)
    heads = fields.integer("num_attention_heads", least=1)
    return TransformerConfig(
        vocab_size=vocab_size,
        d_model=width,
        num_heads=heads,
        encoder_layers=0,
        decoder_layers=layer_count(fields),
        feed_forward_dim=fields.integer("intermediate_size", least=1),
        activation=activation(fields, "hidden_act", gated=False),
        parallel_sublayers=fields.flag("use_parallel_residual"),
        max_length=fields.integer("max_position_embeddings", least=1),
        dropout=fields.number("hidden_dropout"),
        attention_dropout=fields.number("attention_dropout"),
        tied_embeddings=fields.flag("tie_word_embeddings"),
        scale_embedding=False,
        norm_epsilon=fields.number("layer_norm_eps"),
        attention=AttentionConfig(bias=bias, output_bias=bias),
        **_positions(fields, width // heads),
        **token_ids(fields, vocab_size),
    )


def _positions(fields: Fields, head_dim: int) -> dict[str, Any]:
    parameters = rotary_fields(fields)
    inside = parameters.has("partial_rotary_factor")
    share = parameters.number("partial_rotary_factor") if inside else fields.number("rotary_pct")
    if not 0 <= share <= 1:
        raise ConfigError(
            f"'rotary_pct' of {fields.name}, the share of each head that is rotated, must be from "
            f"0 to 1; it is {share}."
        )
    dim = int(head_dim * share)
    if dim == 0:
        return {"positions": "none"}
    rotary = scaled(parameters, fields, base=fields.number("rotary_emb_base"))
    # An odd dimension is raised by one, but the wavelengths use the odd number.
    even = dim + dim % 2
    return {
        "positions": "rotary",
        "rotary_base": rotary.base ** (even / dim),
        "rotary": dataclasses.replace(rotary.config, dim=even),
    }


def _weights(config: TransformerConfig, shapes: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    # transformers 5 calls the output lm_head in code, but still writes embed_out.
    output = "lm_head" if "lm_head.weight" in shapes else "embed_out"
    weights = places(config, shapes, {**_TABLE, "output": output})
    for name, place in weights.items():
        if (part := part_of(name)) in _FUSED:
            take = partial(_heads, config.num_heads, _FUSED.index(part))
            weights[name] = dataclasses.replace(place, change=take)
    return weights


def _heads(heads: int, number: int, fused: Array) -> Array:
    """Return the queries (0), keys (1) or values (2) of all heads."""
    of_heads = fused.reshape(heads, 3, -1, *fused.shape[1:])
    return of_heads[:, number].reshape(-1, *fused.shape[1:])


GPT_NEOX = Family(
    name="GPT-NeoX",
    model_types=("gpt_neox",),
    read_config=_read,
    weights=_weights,
    tasks=generates,
    prefixes=("gpt_neox.",),
    # Causal masks and frequencies that old versions stored.
    unused=("layers.*.attention.bias", "layers.*.attention.masked_bias", *FREQUENCIES),
    fit_config=lambda config, shapes: untie(config, shapes, "embed_in", ("embed_out", "lm_head")),
)
