"""What tells a Transformer where a token stands: added vectors, rotations, score biases."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..config import TransformerConfig


def sinusoidal_positions(
    length: int, d_model: int, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Position vectors [length, d_model]: even columns sine, odd columns cosine.

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


def rotary_angles(length: int, head_dim: int, base: float) -> Tensor:
    """Angles [length, head_dim / 2] in float64 (Su et al. 2021, arXiv 2104.09864)."""
    rate = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    return torch.arange(length, dtype=torch.float64)[:, None] * rate


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate each pair (x_i, x_{i + head_dim/2}) by its position's angle.

    Args:
        x: queries or keys [batch, heads, length, head_dim].
        cosine, sine: [length, head_dim / 2].
    """
    first, second = x.chunk(2, dim=-1)
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def alibi_slopes(num_heads: int) -> Tensor:
    """One slope per head (Press et al. 2022, arXiv 2108.12409), float64 [num_heads].

    For a power of two: 2^(-8 / n), 2^(-16 / n), ...; otherwise the slopes of the next smaller
    power of two, then every other one of the next larger.
    """

    def of_power(count: int) -> list[float]:
        return [2.0 ** (-8.0 * (i + 1) / count) for i in range(count)]

    whole = 2 ** int(math.log2(num_heads))
    slopes = of_power(whole) + of_power(2 * whole)[0::2][: num_heads - whole]
    return torch.tensor(slopes, dtype=torch.float64)


def relative_buckets(
    distance: Tensor, *, bidirectional: bool, num_buckets: int, max_distance: int
) -> Tensor:
    """Bucket of each relative distance ``key - query`` (Raffel et al. 2020, T5).

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

    Called with the number of queries and keys (the queries being the last of the keys'
    positions), it returns [num_heads, query_len, key_len].
    """

    weight: nn.Parameter | None

    def __init__(self, config: TransformerConfig, *, bidirectional: bool) -> None:
        super().__init__()
        self.config = config
        self.bidirectional = bidirectional
        self.weight = None
        if config.positions == "relative":
            self.weight = nn.Parameter(torch.zeros(config.relative_buckets, config.num_heads))

    def forward(self, query_len: int, key_len: int, dtype: torch.dtype) -> Tensor:
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
