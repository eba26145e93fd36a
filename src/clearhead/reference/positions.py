"""Positions: vectors added to embeddings, and biases of scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..shapes import Array, Bool, Float, Int
from .settings import check_heads


def sinusoidal_positions(
    length: int,
    d_model: int,
    *,
    start: int = 0,
    layout: str = "interleaved",
    dtype: Any = np.float64,
) -> Float[Array, "length d_model"]:
    """Return the sines and cosines that encode positions from ``start`` on.

    Args:
        length: the number of positions.
        d_model: width of each vector.
        start: the first position.
        layout: ``interleaved``: columns 2i and 2i + 1 have the wavelength 2 pi 10000^(2i / d_model)
            (Vaswani et al. 2017, section 3.5). ``halves``: all sines come before all cosines, and
            the numbers are rounded to float32, as Marian stores them. ``halves_to_end``: the same
            order, with wavelengths 2 pi 10000^(i / (half - 1)), of which the last is exactly
            2 pi 10000 (fairseq, M2M100); for float32, the angles are float32 too, as there.
        dtype: of the result. The other layouts are computed in float64, then rounded.
    """
    if layout == "halves_to_end":
        return _sinusoids_to_end(length, d_model, start, np.dtype(dtype))
    rate = np.exp(np.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angles = np.arange(start, start + length)[:, None] * rate
    if layout == "halves":
        table = np.concatenate((np.sin(angles), np.cos(angles[:, : d_model // 2])), axis=-1)
        return table.astype(np.float32).astype(dtype)
    table = np.empty((length, d_model))
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : d_model // 2])
    return table.astype(dtype)


def _sinusoids_to_end(
    length: int, d_model: int, start: int, dtype: np.dtype[Any]
) -> Float[Array, "length d_model"]:
    wide: Any = np.float64 if dtype == np.float64 else np.float32
    half = d_model // 2
    exponents = np.arange(half).astype(wide) * wide(-math.log(10000.0) / max(half - 1, 1))
    rate = np.exp(exponents.astype(np.float64)).astype(wide)
    angles = (np.arange(start, start + length).astype(wide)[:, None] * rate).astype(np.float64)
    return np.concatenate((np.sin(angles), np.cos(angles)), axis=-1).astype(dtype)


def positions_without_padding(
    real: Bool[Array, "batch length"], *, start: int = 0, offset: int = 1
) -> Int[Array, "batch length"]:
    """Return each token's row in a table of positions that skips padding (RoBERTa, M2M100).

    Args:
        real: False where a token is padding; padding gets row ``offset - 1``.
        start: the number of tokens before these.
        offset: the row of the first position.
    """
    return (np.cumsum(real, axis=-1) + start) * real + offset - 1


def learned_positions(
    table: Float[Array, "max_length d_model"], length: int, start: int = 0
) -> Float[Array, "length d_model"]:
    """Return the rows of a learned table for positions from ``start`` on.

    Args:
        table: one row for each position.
        length: the number of positions.
        start: the first position.

    Raises:
        ShapeError: the table has no such positions.
    """
    if start + length > len(table):
        raise ShapeError(
            f"Positions {start} to {start + length - 1} were asked for, and this table of learned "
            f"positions ends at {len(table) - 1}. Shorten the text."
        )
    return table[start : start + length]


def alibi_slopes(num_heads: int) -> Float[Array, "heads"]:
    """Return one slope for each head (Press et al. 2022, arXiv 2108.12409).

    For n heads, n a power of two: 2^(-8/n), 2^(-16/n), ...; otherwise the slopes of the next
    smaller power of two, followed by every second one of the next larger.

    Raises:
        ConfigError: ``num_heads`` is not a positive integer.
    """
    check_heads("num_heads", num_heads)

    def of_power(count: int) -> list[float]:
        return [2.0 ** (-8.0 * (i + 1) / count) for i in range(count)]

    whole = 1 << (num_heads.bit_length() - 1)
    return np.array(of_power(whole) + of_power(2 * whole)[0::2][: num_heads - whole])


def alibi_bias(
    num_heads: int,
    query_positions: Int[Array, "query_len"],
    key_positions: Int[Array, "key_len"],
) -> Float[Array, "heads query_len key_len"]:
    """Return -slope * |query position - key position|, to be added to the scaled scores.

    The bias is symmetric, so it also serves an encoder; a decoder masks the future anyway.
    """
    distance = np.abs(key_positions[None, :] - query_positions[:, None])
    return -alibi_slopes(num_heads)[:, None, None] * distance


def relative_buckets(
    distance: Int[Array, "*shape"],
    *,
    bidirectional: bool,
    num_buckets: int = 32,
    max_distance: int = 128,
) -> Int[Array, "*shape"]:
    """Return the bucket of each relative distance (Raffel et al. 2020, T5, arXiv 1910.10683).

    Half of the buckets hold one distance each; the widths of the others grow logarithmically up to
    ``max_distance``. All larger distances share the last bucket.

    Args:
        distance: key position minus query position, in whole numbers.
        bidirectional: whether half of all buckets are for keys after the query; otherwise all such
            keys count as distance 0.
        num_buckets, max_distance: of T5's config.

    Returns:
        bucket numbers, from 0 to num_buckets - 1.
    """
    bucket = np.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        bucket += (distance > 0) * num_buckets
        distance = np.abs(distance)
    else:
        distance = np.maximum(-distance, 0)
    exact = num_buckets // 2
    # In float32, as T5 was trained: another precision gives another bucket at some distances.
    near = (np.maximum(distance, 1).astype(np.float32) / np.float32(exact)).astype(np.float64)
    ratio = np.log(near).astype(np.float32) / np.float32(math.log(max_distance / exact))
    far = exact + (ratio * np.float32(num_buckets - exact)).astype(distance.dtype)
    return bucket + np.where(distance < exact, distance, np.minimum(far, num_buckets - 1))


def relative_bias(
    weight: Float[Array, "buckets heads"],
    query_positions: Int[Array, "query_len"],
    key_positions: Int[Array, "key_len"],
    *,
    bidirectional: bool,
    max_distance: int = 128,
) -> Float[Array, "heads query_len key_len"]:
    """Return T5's learned bias for each head, query and key, to be added to the scaled scores.

    Args:
        weight: the bias of each bucket and head.
        query_positions, key_positions: the positions of queries and keys.
        bidirectional, max_distance: as in `relative_buckets`.
    """
    buckets = relative_buckets(
        key_positions[None, :] - query_positions[:, None],
        bidirectional=bidirectional,
        num_buckets=len(weight),
        max_distance=max_distance,
    )
    return weight[buckets].transpose(2, 0, 1)
