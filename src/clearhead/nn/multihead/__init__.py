"""A drop-in replacement for `torch.nn.MultiheadAttention` that can give any attention weight."""

from .layer import MultiheadAttention

__all__ = ["MultiheadAttention"]
