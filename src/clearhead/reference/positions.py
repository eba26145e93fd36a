"""What tells a Transformer where a token stands: added vectors, rotations, score biases."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError
from ..shapes import Array, Float, Int
from .settings import check_heads
from .tracing.steps import attention as steps
from .tracing.trace import OFF
from .tracing.watcher import Watcher


def sinusoidal_positions(
    length: int, d_model: int, *, dtype: Any = np.float64
) -> Float[Array, "length d_model"]:
    """Return position vectors: even columns sine, odd columns cosine.

    The pair of columns 2i, 2i + 1 turns with the wavelength 2 pi 10000^(2i / d_model)
    (Vaswani et al. 2017, section 3.5). Computed in float64, then rounded.
    """
    rate = np.exp(np.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angles = np.arange(length)[:, None] * rate
    table = np.empty((length, d_model))
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : d_model // 2])
    return table.astype(dtype)


def learned_positions(
    table: Float[Array, "max_length d_model"], length: int, start: int = 0
) -> Float[Array, "length d_model"]:
    """Return the rows of a learned table for positions from ``start`` on.

    Args:
        table: one row for each position.
        length: how many positions.
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


class Rotation(NamedTuple):
    """Cosines and sines of the angles of some positions; their first axes may broadcast."""

    cosine: Float[Array, "*lead length pairs"]
    sine: Float[Array, "*lead length pairs"]


def rotary_angles(
    positions: Array | int, dim: int, *, base: float = 10000.0, dtype: Any = np.float64
) -> Rotation:
    """Return the rotation of each position (Su et al. 2021, arXiv 2104.09864).

    Pair i turns by position * base^(-2i / dim). Computed in float64, then rounded.

    Args:
        positions: Int["*lead length"], or a number n for the positions 0 to n - 1.
        dim: how much of each head is rotated, even.
        base: the base of the frequencies.
        dtype: of the result, which has dim / 2 pairs.
    """
    positions = np.arange(positions) if isinstance(positions, int) else np.asarray(positions)
    angles = positions[..., None] * base ** (-np.arange(0, dim, 2) / dim)
    return Rotation(np.cos(angles).astype(dtype), np.sin(angles).astype(dtype))


def rotate(
    x: Float[Array, "*heads length head_dim"],
    rotation: Rotation,
    *,
    interleaved: bool = False,
    name: str = "rotated",
    of: tuple[str, ...] = (),
    trace: Watcher = OFF,
) -> Float[Array, "*heads length head_dim"]:
    """Rotate each pair of a head's entries by the angle of its position.

    Args:
        x: queries or keys. Where the rotation covers fewer entries than head_dim, the first ones
            are rotated and the rest is passed on.
        rotation: broadcasts to Float["*heads length pairs"].
        interleaved: the pairs are (0, 1), (2, 3), ...; otherwise, as in Hugging Face's models
            and GPT-NeoX, entry i is paired with entry i + pairs.
        name, of: of the one step that a trace records.

    Raises:
        ShapeError: the rotation has more pairs than half of head_dim, or does not broadcast.
    """
    cosine, sine = rotation
    pairs = cosine.shape[-1]
    if 2 * pairs > x.shape[-1]:
        raise ShapeError(
            f"A rotation of {pairs} pairs needs heads of at least {2 * pairs} entries; "
            f"they have {x.shape[-1]} (shape {x.shape})."
        )
    rotated = np.empty(x.shape, x.dtype)
    if interleaved:
        first, second = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    else:
        first, second = slice(0, pairs), slice(pairs, 2 * pairs)
    a, b = x[..., first], x[..., second]
    try:
        np.subtract(a * cosine, b * sine, out=rotated[..., first])
        np.add(b * cosine, a * sine, out=rotated[..., second])
    except ValueError as error:
        raise ShapeError(
            f"A rotation of shape {cosine.shape} does not broadcast to the pairs of an array of "
            f"shape {x.shape}. Its axes are, from the last: pairs, length."
        ) from error
    rotated[..., 2 * pairs :] = x[..., 2 * pairs :]
    if not trace.enabled:
        return rotated
    return trace.record(replace(steps.ROTATED, name=name), rotated, of=of)


def rotary_embedding(
    x: Float[Array, "*heads length width"],
    cosine_cache: Array,
    sine_cache: Array,
    position_ids: Array | None = None,
    *,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    num_heads: int | None = None,
) -> Float[Array, "*heads length width"]:
    """Compute the ONNX operator RotaryEmbedding (opset 23), on top of `rotate`.

    Args:
        x: Float["batch heads length head_dim"], or Float["batch length heads*head_dim"] with
            ``num_heads``.
        cosine_cache, sine_cache: Float["max_length pairs"] to be looked up by position_ids, or
            without these Float["batch length pairs"].
        position_ids: Int["batch length"].
        interleaved: as in `rotate`.
        rotary_dim: how much of each head is rotated; None and 0 mean all of it.
        num_heads: for 3 axes, how many heads lie side by side; else None or 0.

    Raises:
        ShapeError: the arrays do not fit together.
    """
    if x.ndim == 3:
        if not num_heads or num_heads < 1 or x.shape[-1] % num_heads:
            raise ShapeError(
                f"An array of shape {x.shape} has its heads side by side: num_heads must divide "
                f"its last axis; it is {num_heads}."
            )
        heads = x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)
    else:
        heads = x
    pairs = (rotary_dim or heads.shape[-1]) // 2
    cosine, sine = (
        (cache if position_ids is None else cache[position_ids])[:, None]
        for cache in (cosine_cache, sine_cache)
    )
    if cosine.shape[-1] != pairs or sine.shape[-1] != pairs:
        raise ShapeError(
            f"The caches must have {pairs} columns, half of what is rotated; "
            f"they have {cosine.shape[-1]} (cosine) and {sine.shape[-1]} (sine)."
        )
    result = rotate(heads, Rotation(cosine, sine), interleaved=interleaved)
    return result.swapaxes(1, 2).reshape(x.shape) if x.ndim == 3 else result


def alibi_slopes(num_heads: int) -> Float[Array, "heads"]:
    """Return one slope for each head (Press et al. 2022, arXiv 2108.12409).

    For n heads, n a power of two: 2^(-8/n), 2^(-16/n), ...; otherwise the slopes of the next
    smaller power of two, then every other one of the next larger.

    Raises:
        ConfigError: ``num_heads`` is no whole number above 0.
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

    Symmetric, so that it serves an encoder; in a decoder the future is masked all the same.
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

    Half of the buckets hold one distance each, the other half grow logarithmically up to
    ``max_distance``; all beyond shares the last.

    Args:
        distance: key position minus query position.
        bidirectional: half of all buckets are for keys after the query; otherwise those all
            count as distance 0.
        num_buckets, max_distance: of T5's config.

    Returns:
        numbers of buckets, from 0 to num_buckets - 1.
    """
    bucket = np.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        bucket += (distance > 0) * num_buckets
        distance = np.abs(distance)
    else:
        distance = np.maximum(-distance, 0)
    exact = num_buckets // 2
    ratio = np.log(np.maximum(distance, 1) / exact) / math.log(max_distance / exact)
    far = exact + (ratio * (num_buckets - exact)).astype(distance.dtype)
    return bucket + np.where(distance < exact, distance, np.minimum(far, num_buckets - 1))


def relative_bias(
    weight: Float[Array, "buckets heads"],
    query_positions: Int[Array, "query_len"],
    key_positions: Int[Array, "key_len"],
    *,
    bidirectional: bool,
    max_distance: int = 128,
) -> Float[Array, "heads query_len key_len"]:
    """Return T5's learned bias for each head and bucket, to be added to the scaled scores.

    Args:
        weight: the bias of each bucket and head.
        query_positions, key_positions: where queries and keys stand.
        bidirectional, max_distance: as in `relative_buckets`.
    """
    buckets = relative_buckets(
        key_positions[None, :] - query_positions[:, None],
        bidirectional=bidirectional,
        num_buckets=len(weight),
        max_distance=max_distance,
    )
    return weight[buckets].transpose(2, 0, 1)
