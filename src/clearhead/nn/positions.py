"""Encodings of positions: vectors to add, rotations of queries and keys, biases of the scores."""

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
    """Cosines and sines of the angles by which positions rotate queries and keys."""

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

    Pair i has the wavelength 2 pi 10000^(2i / d_model) (Vaswani et al. 2017, 3.5). The vectors are
    computed in float64, then rounded.

    Args:
        length: the number of positions, from 0 on.
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
    """Return each token's row in the position table, not counting padding (RoBERTa, M2M100).

    Args:
        real: False where a token is padding, whose row is ``offset - 1``.
        start: the number of tokens before.
        offset: the row of the first position.
    """
    return (real.cumsum(1) + start) * real + offset - 1


def rotary_rates(config: TransformerConfig, *, local: bool = False) -> Float64[Tensor, "pairs"]:
    """Return the angle in radians per position for each pair of a head's entries.

    Pair i rotates by base^(-2i / dim) (Su et al. 2021, arXiv 2104.09864), scaled as in the config.

    Args:
        config: of the model.
        local: whether for layers with a window, which may have their own base.
    """
    rotary, dim = config.rotary, config.rotary_dim
    own_base = rotary.local_base if local else None
    base = config.rotary_base if own_base is None else own_base
    rates = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    return rates if own_base is not None else _SCALINGS[rotary.scaling](rates, rotary)


def _scaled_by_wavelength(
    rates: Float64[Tensor, "pairs"], rotary: RotaryConfig
) -> Float64[Tensor, "pairs"]:
    """Divide the rates of long wavelengths; interpolate between long and short ones (Llama 3.1)."""
    waves = rotary.original_length * rates / (2 * math.pi)  # waves in the original length
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
    """Return the rotation of each position for given rates, in float64."""
    angles = positions[..., None] * rates
    return Rotation(angles.cos(), angles.sin())


def rotate(
    x: Float[Tensor, "batch heads length head_dim"], rotation: Rotation
) -> Float[Tensor, "batch heads length head_dim"]:
    """Rotate each pair (x_i, x_{i + pairs}) of queries or keys by its position's angle.

    The entries after the pairs are not rotated.
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

    Half of the buckets hold one distance each; the widths of the other half grow logarithmically up
    to ``max_distance``. Bidirectional attention uses half of all buckets for each sign.
    """
    bucket = torch.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        bucket = bucket + (distance > 0) * num_buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = num_buckets // 2
    # In float32, as T5 was trained: another precision gives other buckets at some distances.
    near = (distance.clamp(min=1).float() / exact).double()
    ratio = torch.log(near).float() / math.log(max_distance / exact)
    far = (exact + (ratio * (num_buckets - exact)).long()).clamp(max=num_buckets - 1)
    return bucket + torch.where(distance < exact, distance, far)


class ScoreBias(nn.Module):
    """The bias that ALiBi or T5's relative positions add to the scores of one stack.

    It is called with the numbers of queries and keys; the queries are at the last positions of the
    keys.
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
