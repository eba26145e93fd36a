"""GPT-2 (Radford et al. 2019): learned positions, norms before each sublayer, biases everywhere.

Its linear layers are stored as [in, out], and those for queries, keys and values as one tensor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial

import numpy as np

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...json_fields import Fields
from ...shapes import Array
from ..config_fields import activation
from ..family import Family, Shape, StoredWeight
from ._config import integer_or_none, layer_count, rename, token_ids, with_defaults
from ._places import generates, part_of, places, untie

_DEFAULTS = {
    "vocab_size": 50257,
    "n_positions": 1024,
    "n_embd": 768,
    "n_layer": 12,
    "n_head": 12,
    "activation_function": "gelu_new",
    "resid_pdrop": 0.1,
    "attn_pdrop": 0.1,
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "bos_token_id": 50256,
    "eos_token_id": 50256,
    "tie_word_embeddings": True,
}
# General names of these fields in transformers, which GPT-2 configs may use too.
_OTHER_NAMES = {
    "max_position_embeddings": "n_positions",
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
}
GPT2_NAMES = {
    "embedding": "wte",
    "target_embedding": "wte",
    "target_positions": "wpe",
    "output": "lm_head",
    "decoder.norm": "ln_f",
    "self_attention.query": "h.{}.attn.c_attn",
    "self_attention.key": "h.{}.attn.c_attn",
    "self_attention.value": "h.{}.attn.c_attn",
    "self_attention.output": "h.{}.attn.c_proj",
    "self_attention_norm": "h.{}.ln_1",
    "feed_forward.up": "h.{}.mlp.c_fc",
    "feed_forward.down": "h.{}.mlp.c_proj",
    "feed_forward_norm": "h.{}.ln_2",
}
_FUSED = ("self_attention.query", "self_attention.key", "self_attention.value")


def _read(fields: Fields) -> TransformerConfig:
    # reorder_and_upcast_attn only moves a step from half precision to float32; results are the
    # same.
    fields = with_defaults(rename(fields, _OTHER_NAMES), _DEFAULTS)
    vocab_size = fields.integer("vocab_size", least=1)
    width = fields.integer("n_embd", least=1)
    return TransformerConfig(
        vocab_size=vocab_size,
        d_model=width,
        num_heads=fields.integer("n_head", least=1),
        encoder_layers=0,
        decoder_layers=layer_count(fields, "n_layer"),
        feed_forward_dim=integer_or_none(fields, "n_inner") or 4 * width,
        activation=activation(fields, "activation_function", gated=False),
        positions="learned",
        max_length=fields.integer("n_positions", least=1),
        dropout=fields.number("resid_pdrop"),
        attention_dropout=fields.number("attn_pdrop"),
        tied_embeddings=fields.flag("tie_word_embeddings"),
        scale_embedding=False,
        norm_epsilon=fields.number("layer_norm_epsilon"),
        attention=AttentionConfig(scale=None if fields.flag("scale_attn_weights") else 1.0),
        **token_ids(fields, vocab_size),
    )


def _weights(config: TransformerConfig, shapes: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    weights = {}
    for name, place in places(config, shapes, GPT2_NAMES).items():
        part = part_of(name)
        if part.startswith(("self_attention.", "feed_forward.")):
            place = dataclasses.replace(place, transposed=name.endswith(".weight"))
        if part in _FUSED:
            start = _FUSED.index(part) * config.d_model
            place = dataclasses.replace(place, rows=slice(start, start + config.d_model))
        weights[name] = place
    return weights


def _fold(fields: Fields, weights: dict[str, StoredWeight]) -> dict[str, StoredWeight]:
    """Divide the queries of layer i, counted from 1, by i, if config.json scales scores so."""
    key = "scale_attn_by_inverse_layer_idx"
    if not (fields.has(key) and fields.flag(key)):
        return weights
    return {
        name: _divided(place, int(name.split(".")[2]) + 1)
        if part_of(name) == "self_attention.query"
        else place
        for name, place in weights.items()
    }


def _divided(place: StoredWeight, divisor: int) -> StoredWeight:
    return dataclasses.replace(
        place, change=partial(_divide, divisor), restore=partial(_multiply, divisor)
    )


def _multiply(factor: int, weight: Array) -> Array:
    return weight * np.asarray(factor, weight.dtype)


def _divide(divisor: int, weight: Array) -> Array:
    return weight / np.asarray(divisor, np.result_type(weight, np.float32))


GPT2 = Family(
    name="GPT-2",
    model_types=("gpt2",),
    read_config=_read,
    weights=_weights,
    fold=_fold,
    tasks=generates,
    prefixes=("transformer.",),
    # Causal masks that old versions stored.
    unused=("h.*.attn.bias", "h.*.attn.masked_bias"),
    fit_config=lambda config, shapes: untie(config, shapes, "wte", ("lm_head",)),
)
