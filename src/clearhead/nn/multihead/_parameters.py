"""The weights and settings of a `MultiheadAttention`, as passed between its functions."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from ...shapes import Float


class Parameters(NamedTuple):
    """The weights of the layer, under PyTorch's names."""

    in_proj_weight: Float[Tensor, "3*embed_dim embed_dim"] | None
    in_proj_bias: Float[Tensor, "3*embed_dim"] | None
    bias_k: Float[Tensor, "1 1 embed_dim"] | None
    bias_v: Float[Tensor, "1 1 embed_dim"] | None
    out_proj_weight: Float[Tensor, "embed_dim embed_dim"]
    out_proj_bias: Float[Tensor, "embed_dim"] | None
    separate: tuple[Tensor | None, Tensor | None, Tensor | None] | None


class ForwardSettings(NamedTuple):
    """The settings of the layer and of one call."""

    embed_dim: int
    num_heads: int
    batch_first: bool
    add_zero_attn: bool
    dropout: float
    need_weights: bool | Literal["map"]
    average: bool
    causal: bool
