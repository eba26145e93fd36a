"""What `MultiheadAttention` is made of and how it is to run, as its parts hand it around."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor


class Parameters(NamedTuple):
    """The weights of the layer, as PyTorch names them."""

    in_proj_weight: Tensor | None
    in_proj_bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None
    out_proj_weight: Tensor
    out_proj_bias: Tensor | None
    separate: tuple[Tensor | None, Tensor | None, Tensor | None] | None


class ForwardSettings(NamedTuple):
    """How to run it."""

    embed_dim: int
    num_heads: int
    batch_first: bool
    add_zero_attn: bool
    dropout: float
    need_weights: bool | Literal["map"]
    average: bool
    causal: bool
