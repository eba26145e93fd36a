"""Positions of tokens: vectors that are added, angles to rotate by, biases of the scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..config import TransformerConfig
from ..config_parts import RotaryConfig
from ..shapes import Bool, Float, Float64, Int


class Rotation(NamedTuple):
    """Cosines and sines of the angles that the positions turn queries and keys by."""

    cosine: Float[Tensor, "*lead length pairs"]
    sine: Float[Tensor, "*lead length pairs"]


def sinusoidal_positions(
    length: int,
    d_model: int,
    *,
    layout: str = "interleaved",
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "length d_model"]:
    """Return a vector of sines and cosines for each position.

    Pair i turns with wavelength 2 pi 10000^(2i / d_model) (Vaswani et al. 2017, 3.5). Computed in
    float64, then rounded.

    Args:
        length: how many positions, from 0 on.
        d_model: width of the vectors.
        layout: ``interleaved``: even columns sine, odd columns cosine; ``halves``: all sines, then
            all cosines, as Marian stores them, in float32; ``halves_to_end``: in this order too,
            with wavelengths up to 2 pi 10000 itself (fairseq, M2M100).
        dtype: of the result.
    """
    pairs = d_model // 2
    last = max(pairs - 1, 1) if layout == "halves_to_end" else pairs
    rate = torch.exp(torch.arange(pairs, dtype=torch.float64) * (-math.log(10000.0) / last))
    angles = torch.arange(length, dtype=torch.float64)[:, None] * rate
    waves = torch.stack((angles.sin(), angles.cos()), dim=-1)  # [length, pairs, 2]
    if layout != "interleaved":
        waves = waves.transpose(1, 2)
    if layout == "halves":
        waves = waves.float()
    return waves.flatten(1).to(dtype)


def positions_without_padding(
    real: Bool[Tensor, "batch length"], *, start: int, offset: int
) -> Int[Tensor, "batch length"]:
    """Return the row of each token's position in a table, padding not counted (RoBERTa, M2M100).

    Args:
        real: False where a token is padding, which stands at row ``offset - 1``.
        start: how many tokens came before.
        offset: the row of the first position.
    """
    return (real.cumsum(1) + start) * real + offset - 1


def rotary_rates(config: TransformerConfig, *, local: bool = False) -> Float64[Tensor, "pairs"]:
    """Return by how much each pair of a head's entries turns a position, in radians.

    Pair i: base^(-2i / dim) (Su et al. 2021, arXiv 2104.09864), then scaled as the config says.

    Args:
        config: of the model.
        local: whether for layers with a window, where these have a base of their own.
    """
    rotary, dim = config.rotary, config.rotary_dim
    own_base = rotary.local_base if local else None
    base = config.rotary_base if own_base is None else own_base
    rates = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    return rates if own_base is not None else _SCALINGS[rotary.scaling](rates, rotary)


def _scaled_by_wavelength(
    rates: Float64[Tensor, "pairs"], rotary: RotaryConfig
) -> Float64[Tensor, "pairs"]:
    """Divide the rates whose waves are long; blend between long and short (Llama 3.1)."""
    waves = rotary.original_length * rates / (2 * math.pi)  # in the original length
    low, high = rotary.low_frequency_factor, rotary.high_frequency_factor
    share = ((waves - low) / (high - low)).clamp(0, 1)
    return share * rates + (1 - share) * rates / rotary.factor


_SCALINGS: dict[str, Callable[[Tensor, RotaryConfig], Tensor]] = {
    "none": lambda rates, _: rates,
    "linear": lambda rates, rotary: rates / rotary.factor,
    "llama3": _scaled_by_wavelength,
}


def rotary_rotation(
    positions: Int[Tensor, "*lead length"], rates: Float64[Tensor, "pairs"]
) -> Rotation:
    """Return the rotation of each position, whose pairs turn by these rates, in float64."""
    angles = positions[..., None] * rates
    return Rotation(angles.cos(), angles.sin())


def rotate(
    x: Float[Tensor, "batch heads length head_dim"], rotation: Rotation
) -> Float[Tensor, "batch heads length head_dim"]:
    """Rotate each pair (x_i, x_{i + pairs}) of queries or keys by its position's angle.

    What stands behind the pairs is passed on.
    """
    cosine, sine = (part.to(x.dtype) for part in rotation)
    pairs = cosine.shape[-1]
    first, second, rest = x.split((pairs, pairs, x.shape[-1] - 2 * pairs), dim=-1)
    halves = (first * cosine - second * sine, second * cosine + first * sine)
    return torch.cat((*halves, rest), dim=-1)


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
    # In float32, as T5 was trained: at some distances another precision gives another bucket.
    near = (distance.clamp(min=1).float() / exact).double()
    ratio = torch.log(near).float() / math.log(max_distance / exact)
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
