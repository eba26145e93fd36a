"""Gemma 3 (arXiv 2503.19786), text only: five local layers per global one, and head norms.

Local and global layers have different rotary bases, and the frequencies of global layers may be
scaled.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ...config import TransformerConfig
from ...config_parts import RotaryConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ._config import layer_count, with_defaults
from ._rotary import Rotary, scaled
from .gemma2 import DEFAULTS, gemma_config, gemma_family

_DEFAULTS = {
    **DEFAULTS,
    "vocab_size": 262208,
    "max_position_embeddings": 131072,
    "final_logit_softcapping": None,
    "sliding_window_pattern": 6,
    "rope_theta": 1e6,
    "rope_local_base_freq": 1e4,
    "model_type": "gemma3_text",
}


def _read(fields: Fields) -> TransformerConfig:
    fields = with_defaults(fields, _DEFAULTS)
    if fields.has("vision_config") or fields.value("model_type") == "gemma3":
        raise ConfigError(
            f"{fields.name} is that of a Gemma 3 that sees images, which is not computed here. "
            f"Save its language model by itself, whose 'model_type' is gemma3_text."
        )
    period = fields.integer("sliding_window_pattern", least=1)
    kinds = [
        "sliding_attention" if layer % period else "full_attention"
        for layer in range(1, layer_count(fields) + 1)
    ]
    # attn_logit_softcapping is a leftover of Gemma 2: Gemma 3 does not cap its scores.
    return gemma_config(
        fields, layer_types=kinds, softcap=None, head_norm=True, **_rotary(fields).settings()
    )


def _rotary(fields: Fields) -> Rotary:
    """Read the rotary settings of both types of layers."""
    whole = _of_layers(fields, "full_attention", "rope_theta", "rope_scaling")
    local = _of_layers(fields, "sliding_attention", "rope_local_base_freq")
    if local == whole:
        return whole
    if local.config != RotaryConfig():
        raise ConfigError(
            f"'rope_parameters' of {fields.name} scales the frequencies of local layers, which is "
            f"not computed here. The 'rope_type' of sliding_attention must be default."
        )
    return Rotary(whole.base, dataclasses.replace(whole.config, local_base=local.base))


def _of_layers(fields: Fields, kind: str, base: str, scaling: str = "") -> Rotary:
    parameters: dict[str, Any] = {}
    if fields.has("rope_parameters"):
        both = fields.object("rope_parameters")
        both.only(("full_attention", "sliding_attention"))
        parameters |= both.mapping(kind) if both.has(kind) else {}
    if fields.has(scaling):
        parameters |= fields.mapping(scaling)
    name = f"'rope_parameters' of {fields.name}, {kind},"
    return scaled(Fields(parameters, name), fields, base=fields.number(base))


GEMMA3 = gemma_family("Gemma 3", ("gemma3_text", "gemma3"), _read)
