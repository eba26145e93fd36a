"""Layer norm and root-mean-square norm, in the dtype of their input."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..shapes import Float


class LayerNorm(nn.Module):
    """``(x - mean) / sqrt(variance + epsilon) * weight + bias`` (Ba et al. 2016)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return F.layer_norm(x, weight.shape, weight, bias, self.epsilon)


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + epsilon) * weight`` (Zhang and Sennrich 2019)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.epsilon)


def make_norm(config: TransformerConfig) -> LayerNorm | RMSNorm:
    """Return the norm layer of a config."""
    kind = LayerNorm if config.norm == "layer" else RMSNorm
    return kind(config.d_model, config.norm_epsilon)


def make_head_norm(config: TransformerConfig) -> nn.Module:
    """Return the norm of each head's queries or keys; the identity if a config has none."""
    if not config.attention.head_norm:
        return nn.Identity()
    return RMSNorm(config.head_dim, config.norm_epsilon)
