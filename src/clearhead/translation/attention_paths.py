"""The paths of a translation model's attentions in a trace."""

from __future__ import annotations

# Part of a model -> the path of the attention of one of its layers.
PARTS = {
    "encoder": "encoder.layers.{layer}.self_attention",
    "decoder": "decoder.layers.{layer}.self_attention",
    "cross": "decoder.layers.{layer}.cross_attention",
}
