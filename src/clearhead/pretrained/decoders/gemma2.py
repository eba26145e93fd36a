"""Gemma 2 (arXiv 2408.00118): norms before and after each sublayer, softcaps, local layers.

Every second layer, starting with the first, has a window. The files store norm weights minus 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...config_parts import AttentionConfig, OutputConfig
from ...json_fields import Fields
from ...shapes import Array
from ..family import Family, Shape, StoredWeight
from ._config import layer_count, number_or_none, positive, rms_decoder, windows, with_defaults
from ._places import FREQUENCIES, LLAMA, generates, part_of, places, untie_llama
from ._rotary import read_rotary

DEFAULTS: Mapping[str, Any] = {
    "vocab_size": 256000,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh",
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-6,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
    "final_logit_softcapping": 30.0,
    "attn_logit_softcapping": 50.0,
}
"""Defaults for fields that a Gemma 2 config.json lacks."""

_TABLE = {
    **LLAMA,
    "self_attention_output_norm": "layers.{}.post_attention_layernorm",
    "feed_forward_norm": "layers.{}.pre_feedforward_layernorm",
    "feed_forward_output_norm": "layers.{}.post_feedforward_layernorm",
}


def gemma_config(
    fields: Fields, *, layer_types: list[str], softcap: float | None, head_norm: bool, **parts: Any
) -> TransformerConfig:
    """Return the config of a Gemma 2 or Gemma 3 model.

    Args:
        fields: of its config.json.
        layer_types: of the layers, if the file does not have them.
        softcap: of the scores.
        head_norm: whether queries and keys pass through a norm.
        parts: the family's other settings, by the names of `TransformerConfig`.
    """
    if fields.has("layer_types"):
        layer_types = fields.texts("layer_types")
    bias = fields.flag("attention_bias")
    return rms_decoder(
        fields,
        activation_key="hidden_activation",
        norm_place="both",
        scale_embedding=True,
        attention=AttentionConfig(
            head_dim=fields.integer("head_dim", least=1),
            scale=positive(fields, "query_pre_attn_scalar") ** -0.5,
            softcap=softcap,
            bias=bias,
            output_bias=bias,
            head_norm=head_norm,
            windows=windows(fields, layer_types),
        ),
        output=OutputConfig(softcap=number_or_none(fields, "final_logit_softcapping")),
        **parts,
    )


def gemma_places(config: TransformerConfig, shapes: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    """Return the place of every weight of a Gemma 2 or Gemma 3 model."""
    return {
        name: dataclasses.replace(place, change=_one_more, restore=_one_less)
        if "norm" in part_of(name)
        else place
        for name, place in places(config, shapes, _TABLE).items()
    }


def _one_more(weight: Array) -> Array:
    # In at least float32: half precision cannot represent most of the sums.
    return np.add(1, weight, dtype=np.result_type(weight, np.float32))


def _one_less(weight: Array) -> Array:
    return weight - np.ones((), weight.dtype)


def _read(fields: Fields) -> TransformerConfig:
    fields = with_defaults(fields, DEFAULTS)
    local_and_global = ["sliding_attention", "full_attention"]
    return gemma_config(
        fields,
        layer_types=[local_and_global[layer % 2] for layer in range(layer_count(fields))],
        softcap=number_or_none(fields, "attn_logit_softcapping"),
        head_norm=False,
        **read_rotary(fields).settings(),
    )


def gemma_family(
    name: str, model_types: tuple[str, ...], read_config: Callable[[Fields], TransformerConfig]
) -> Family:
    """Return a family whose weights have Gemma's names."""
    return Family(
        name=name,
        model_types=model_types,
        read_config=read_config,
        weights=gemma_places,
        tasks=generates,
        prefixes=("model.",),
        unused=FREQUENCIES,
        fit_config=untie_llama,
    )


GEMMA2 = gemma_family("Gemma 2", ("gemma2",), _read)
