"""PyTorch layers: the fast counterparts of `clearhead.reference`, file by file."""

from .attention import Attention, KeyValue, fused_attention
from .blocks import DecoderBlock, EncoderBlock
from .feed_forward import FeedForward
from .multihead import MultiheadAttention
from .norms import LayerNorm, RMSNorm
from .transformer import Encoded, Transformer

__all__ = [
    "Attention",
    "DecoderBlock",
    "Encoded",
    "EncoderBlock",
    "FeedForward",
    "KeyValue",
    "LayerNorm",
    "MultiheadAttention",
    "RMSNorm",
    "Transformer",
    "fused_attention",
]
