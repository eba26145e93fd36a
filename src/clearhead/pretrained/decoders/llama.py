"""Llama 1, 2 and 3 (Touvron et al. 2023, Grattafiori et al. 2024), and models built like it.

Rotary positions, root-mean-square norms before each sublayer, SwiGLU, grouped heads, and no bias
unless the config has one. TinyLlama and SmolLM belong to this family too.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...json_fields import Fields
from ._config import head_dim, rms_decoder, with_defaults
from ._places import llama_family
from ._rotary import read_rotary

_DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "mlp_bias": False,
}


def _read(fields: Fields) -> TransformerConfig:
    # pretraining_tp splits matrix products into parts, which does not change results.
    fields = with_defaults(fields, _DEFAULTS)
    bias = fields.flag("attention_bias")
    return rms_decoder(
        fields,
        bias=fields.flag("mlp_bias"),
        attention=AttentionConfig(head_dim=head_dim(fields), bias=bias, output_bias=bias),
        **read_rotary(fields).settings(),
    )


LLAMA = llama_family("Llama", "llama", _read)
