"""Qwen 1.5, 2 and 2.5 (Yang et al. 2024): Llama with a bias for queries, keys and values.

Layers from ``max_window_layers`` on have a window, if ``use_sliding_window`` is true.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import AttentionConfig
from ...json_fields import Fields
from ._config import head_dim, layer_count, rms_decoder, windows, with_defaults
from ._places import llama_family
from ._rotary import read_rotary

DEFAULTS = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "hidden_act": "silu",
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "sliding_window": 4096,
    "max_window_layers": 28,
}
"""Defaults for fields that a Qwen 2 or Qwen 3 config.json lacks."""


def qwen_windows(fields: Fields) -> tuple[int, ...]:
    """Return the window of each layer; see `AttentionConfig.windows`."""
    if not fields.flag("use_sliding_window"):
        fields = Fields({**fields.members(), "sliding_window": None}, fields.name)
    if fields.has("layer_types"):
        return windows(fields, fields.texts("layer_types"))
    # With a negative number, every layer has the window.
    first = fields.integer("max_window_layers") if fields.has("sliding_window") else None
    return windows(
        fields,
        [
            "full_attention" if first is None or layer < first else "sliding_attention"
            for layer in range(layer_count(fields))
        ],
    )


def _read(fields: Fields) -> TransformerConfig:
    fields = with_defaults(fields, DEFAULTS)
    return rms_decoder(
        fields,
        attention=AttentionConfig(
            head_dim=head_dim(fields),
            bias=True,
            output_bias=False,
            windows=qwen_windows(fields),
        ),
        **read_rotary(fields).settings(),
    )


QWEN2 = llama_family("Qwen 2", "qwen2", _read)
