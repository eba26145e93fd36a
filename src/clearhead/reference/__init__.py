"""The readable implementation: a Transformer written as its mathematics, in NumPy alone.

Every function and class takes ``trace``: with a `Trace`, each intermediate is recorded under a path
and can be replaced; without one the cost is negligible.
"""

from __future__ import annotations

from .attention import attention, merge_heads, split_heads
from .backward.adamw import AdamWState, adamw_step
from .backward.attention import attention_gradients, softmax_gradient
from .backward.differences import finite_differences
from .backward.gradients import gradients
from .backward.linear import linear_gradients
from .backward.loss import cross_entropy
from .backward.norms import layer_norm_gradient, rms_norm_gradient
from .layers.blocks import DecoderBlock, EncoderBlock
from .layers.feed_forward import FeedForward, feed_forward, gelu, gelu_tanh, relu, silu
from .layers.multi_head import MultiHeadAttention, multi_head_attention
from .layers.norms import layer_norm, rms_norm
from .masks import causal_mask, combine, extend_mask, padding_mask, sliding_window_mask
from .padding import lengths_of, pad, truncate
from .positions import (
    alibi_bias,
    alibi_slopes,
    learned_positions,
    relative_bias,
    relative_buckets,
    sinusoidal_positions,
)
from .rotary import rotary_angles, rotary_embedding, rotary_frequencies, rotate
from .softmax import log_softmax, softmax
from .tracing.step import Step
from .tracing.trace import OFF, Off, Trace
from .transformer import Transformer
from .weights import check_weights, expected_shapes

__all__ = [
    "OFF",
    "AdamWState",
    "DecoderBlock",
    "EncoderBlock",
    "FeedForward",
    "MultiHeadAttention",
    "Off",
    "Step",
    "Trace",
    "Transformer",
    "adamw_step",
    "alibi_bias",
    "alibi_slopes",
    "attention",
    "attention_gradients",
    "causal_mask",
    "check_weights",
    "combine",
    "cross_entropy",
    "expected_shapes",
    "extend_mask",
    "feed_forward",
    "finite_differences",
    "gelu",
    "gelu_tanh",
    "gradients",
    "layer_norm",
    "layer_norm_gradient",
    "learned_positions",
    "lengths_of",
    "linear_gradients",
    "log_softmax",
    "merge_heads",
    "multi_head_attention",
    "pad",
    "padding_mask",
    "relative_bias",
    "relative_buckets",
    "relu",
    "rms_norm",
    "rms_norm_gradient",
    "rotary_angles",
    "rotary_embedding",
    "rotary_frequencies",
    "rotate",
    "silu",
    "sinusoidal_positions",
    "sliding_window_mask",
    "softmax",
    "softmax_gradient",
    "split_heads",
    "truncate",
]
