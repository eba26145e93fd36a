"""Positions of tokens: vectors that are added, angles to rotate by, biases of the scores."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..config import TransformerConfig
from ..shapes import Float, Float64, Int


def sinusoidal_positions(
    length: int, d_model: int, *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "length d_model"]:
    """Return a vector for each position: even columns sine, odd columns cosine.

    Column pair i turns with wavelength 2 pi 10000^(2i / d_model) (Vaswani et al. 2017, 3.5).
    Computed in float64, then rounded.
    """
    position = torch.arange(length, dtype=torch.float64)[:, None]
    rate = torch.exp(
        torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10000.0) / d_model)
    )
    table = torch.empty(length, d_model, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table.to(dtype)


def rotary_angles(length: int, head_dim: int, base: float) -> Float64[Tensor, "length half_dim"]:
    """Return the angles of the positions (Su et al. 2021, arXiv 2104.09864), in radians."""
    rate = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    return torch.arange(length, dtype=torch.float64)[:, None] * rate


def rotate(
    x: Float[Tensor, "batch heads length head_dim"],
    cosine: Float[Tensor, "length half_dim"],
    sine: Float[Tensor, "length half_dim"],
) -> Float[Tensor, "batch heads length head_dim"]:
    """Rotate each pair (x_i, x_{i + head_dim/2}) of queries or keys by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def alibi_slopes(num_heads: int) -> Float64[Tensor, "num_heads"]:
    """Return one slope per head (Press et al. 2022, arXiv 2108.12409).

    For a power of two: 2^(-8 / n), 2^(-16 / n), ...; otherwise the slopes of the next smaller
    power of two, then every other one of the next larger.
    """

    def of_power(count: int) -> list[float]:
        return [2.0 ** (-8.0 * (i + 1) / count) for i in range(count)]

    power = 2 ** int(math.log2(num_heads))
    slopes = of_power(power) + of_power(2 * power)[0::2][: num_heads - power]
    return torch.tensor(slopes, dtype=torch.float64)


def relative_buckets(
    distance: Int[Tensor, "*shape"],
    *,
    bidirectional: bool,
    num_buckets: int,
    max_distance: int,
) -> Int[Tensor, "*shape"]:
    """Return the bucket of each relative distance ``key - query`` (Raffel et al. 2020, T5).

    Half of the buckets are exact, the other half grow logarithmically up to ``max_distance``;
    bidirectional attention uses half of all for each sign.
    """
    bucket = torch.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        bucket = bucket + (distance > 0) * num_buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = num_buckets // 2
    ratio = torch.log(distance.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (num_buckets - exact)).long()).clamp(max=num_buckets - 1)
    return bucket + torch.where(distance < exact, distance, far)


class ScoreBias(nn.Module):
    """The bias that ALiBi or T5's relative positions add to the scores of one stack.

    It is called with the number of queries and keys; the queries stand at the last of the keys'
    positions.
    """

    weight: nn.Parameter | None

    def __init__(self, config: TransformerConfig, *, bidirectional: bool) -> None:
        super().__init__()
        self.config = config
        self.bidirectional = bidirectional
        self.weight = None
        if config.positions == "relative":
            self.weight = nn.Parameter(torch.zeros(config.relative_buckets, config.num_heads))

    def forward(
        self, query_len: int, key_len: int, dtype: torch.dtype
    ) -> Float[Tensor, "num_heads query_len key_len"]:
        device = None if self.weight is None else self.weight.device
        keys = torch.arange(key_len, device=device)
        queries = torch.arange(key_len - query_len, key_len, device=device)
        distance = keys[None, :] - queries[:, None]
        if self.weight is None:
            slopes = alibi_slopes(self.config.num_heads)
            return (-slopes[:, None, None] * distance.abs()).to(dtype)
        buckets = relative_buckets(
            distance,
            bidirectional=self.bidirectional,
            num_buckets=self.config.relative_buckets,
            max_distance=self.config.relative_max_distance,
        )
        return self.weight[buckets].permute(2, 0, 1).to(dtype)
