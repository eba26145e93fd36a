"""Mistral 7B (Jiang et al. 2023, arXiv 2310.06825): Llama with grouped heads and a window."""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ._config import head_dim, layer_count, rms_decoder, windows, with_defaults
from ._places import llama_family
from ._rotary import read_rotary

_DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_act": "silu",
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-6,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "sliding_window": 4096,
}


def _read(fields: Fields) -> TransformerConfig:
    fields = with_defaults(fields, _DEFAULTS)
    kind = "sliding_attention" if fields.has("sliding_window") else "full_attention"
    if fields.has("layer_types") and set(fields.texts("layer_types")) - {kind}:
        raise ConfigError(
            f"'layer_types' of {fields.name} has other layers than {kind}. All layers of a "
            f"Mistral have the window that 'sliding_window' says: null is none."
        )
    return rms_decoder(
        fields,
        attention=AttentionConfig(
            head_dim=head_dim(fields),
            windows=windows(fields, [kind] * layer_count(fields)),
        ),
        **read_rotary(fields).settings(),
    )


MISTRAL = llama_family("Mistral", "mistral", _read)
