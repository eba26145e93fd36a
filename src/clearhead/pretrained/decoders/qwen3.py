"""Qwen 3 (Yang et al. 2025, arXiv 2505.09388): norms of each head's query and key, no bias."""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...json_fields import Fields
from ._config import head_dim, rms_decoder, with_defaults
from ._places import llama_family
from ._rotary import read_rotary
from .qwen2 import DEFAULTS, qwen_windows

_DEFAULTS = {**DEFAULTS, "head_dim": 128, "attention_bias": False}


def _read(fields: Fields) -> TransformerConfig:
    fields = with_defaults(fields, _DEFAULTS)
    bias = fields.flag("attention_bias")
    return rms_decoder(
        fields,
        attention=AttentionConfig(
            head_dim=head_dim(fields),
            bias=bias,
            output_bias=bias,
            head_norm=True,
            windows=qwen_windows(fields),
        ),
        **read_rotary(fields).settings(),
    )


QWEN3 = llama_family("Qwen 3", "qwen3", _read)
