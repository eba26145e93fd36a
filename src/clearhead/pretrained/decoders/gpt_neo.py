"""GPT-Neo (Black et al. 2021) and the TinyStories models: GPT-2 with local layers.

Every second layer has a window. Scores are not scaled; queries, keys and values have no bias.
"""

from __future__ import annotations

from typing import Any

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted
from ..config_fields import activation
from ..family import Family
from ._config import (
    MOST_LAYERS,
    integer_or_none,
    layer_count,
    rename,
    token_ids,
    with_defaults,
)
from ._places import generates, places, untie
from .gpt2 import GPT2_NAMES

_DEFAULTS = {
    "vocab_size": 50257,
    "max_position_embeddings": 2048,
    "hidden_size": 2048,
    "num_layers": 24,
    "attention_types": [[["global", "local"], 12]],
    "num_heads": 16,
    "window_size": 256,
    "activation_function": "gelu_new",
    "resid_dropout": 0.0,
    "attention_dropout": 0.0,
    "layer_norm_epsilon": 1e-5,
    "bos_token_id": 50256,
    "eos_token_id": 50256,
    "tie_word_embeddings": True,
}
_TABLE = {
    **GPT2_NAMES,
    "self_attention.query": "h.{}.attn.attention.q_proj",
    "self_attention.key": "h.{}.attn.attention.k_proj",
    "self_attention.value": "h.{}.attn.attention.v_proj",
    "self_attention.output": "h.{}.attn.attention.out_proj",
}


def _read(fields: Fields) -> TransformerConfig:
    names = {"num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"}
    fields = with_defaults(rename(fields, names), _DEFAULTS)
    vocab_size = fields.integer("vocab_size", least=1)
    width = fields.integer("hidden_size", least=1)
    return TransformerConfig(
        vocab_size=vocab_size,
        d_model=width,
        num_heads=fields.integer("num_heads", least=1),
        encoder_layers=0,
        decoder_layers=layer_count(fields, "num_layers"),
        feed_forward_dim=integer_or_none(fields, "intermediate_size") or 4 * width,
        activation=activation(fields, "activation_function", gated=False),
        positions="learned",
        max_length=fields.integer("max_position_embeddings", least=1),
        dropout=fields.number("resid_dropout"),
        attention_dropout=fields.number("attention_dropout"),
        tied_embeddings=fields.flag("tie_word_embeddings"),
        scale_embedding=False,
        norm_epsilon=fields.number("layer_norm_epsilon"),
        attention=AttentionConfig(scale=1.0, bias=False, windows=_windows(fields)),
        **token_ids(fields, vocab_size),
    )


def _windows(fields: Fields) -> tuple[int, ...]:
    """Return the window of each layer, from pairs of a list of types and a repeat count."""
    kinds: list[Any] = []
    for pair in fields.items("attention_types"):
        match pair:
            case [list() as types, int() as count] if len(types) * count <= MOST_LAYERS:
                kinds += types * count
            case _:
                raise ConfigError(
                    f"'attention_types' of {fields.name} has {quoted(pair)}; it should be a list "
                    f"of types of layers, and how often they are repeated."
                )
    layers = layer_count(fields, "num_layers")
    if len(kinds) != layers or any(kind not in ("global", "local") for kind in kinds):
        raise ConfigError(
            f"'attention_types' of {fields.name} must say of {layers} layers whether they are "
            f"global or local; it is {quoted(fields.value('attention_types'))}."
        )
    window = fields.integer("window_size", least=1)
    return tuple(window if kind == "local" else 0 for kind in kinds)


GPT_NEO = Family(
    name="GPT-Neo",
    model_types=("gpt_neo",),
    read_config=_read,
    weights=lambda config, shapes: places(config, shapes, _TABLE),
    tasks=generates,
    prefixes=("transformer.",),
    # Causal masks that old versions stored.
    unused=("h.*.attn.attention.bias", "h.*.attn.attention.masked_bias"),
    fit_config=lambda config, shapes: untie(config, shapes, "wte", ("lm_head",)),
)
