"""Rotary positions: queries and keys turned by the angle of their position (Su et al. 2021)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..config_parts import RotaryConfig
from ..errors import ShapeError
from ..shapes import Array, Float
from .tracing.step_kind import StepKind
from .tracing.steps import heads as steps
from .tracing.trace import OFF
from .tracing.watcher import Watcher

_UNSCALED = RotaryConfig()


class Rotation(NamedTuple):
    """Cosines and sines of the angles of some positions; their first axes may broadcast."""

    cosine: Float[Array, "*lead length pairs"]
    sine: Float[Array, "*lead length pairs"]


def rotary_frequencies(
    dim: int, *, base: float = 10000.0, scaling: RotaryConfig = _UNSCALED, dtype: Any = np.float64
) -> Float[Array, "pairs"]:
    """Return how far each pair turns from one position to the next: base^(-2i / dim), scaled.

    With ``linear`` scaling every frequency is divided by its factor. With ``llama3`` a pair that
    turns less than ``low_frequency_factor`` times in ``original_length`` positions is slower by
    the factor, one that turns more than ``high_frequency_factor`` times is as it was, and those
    between are blends (Llama 3.1; `transformers.modeling_rope_utils`).

    Args:
        dim: how much of each head is rotated, even.
        base: the base of the frequencies.
        scaling: says how they are scaled.
        dtype: to compute in, as in `rotary_angles`.
    """
    exponents = np.arange(0, dim, 2, dtype=dtype) / np.dtype(dtype).type(dim)
    # The power is rounded once; float32's own power would err by more than transformers' does.
    frequencies = 1 / (base ** exponents.astype(np.float64)).astype(dtype)
    if scaling.scaling == "linear":
        return frequencies / scaling.factor
    if scaling.scaling == "none":
        return frequencies
    wavelengths = 2 * math.pi / frequencies
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    share = (scaling.original_length / wavelengths - low) / (high - low)
    slow = np.where(
        wavelengths > scaling.original_length / low, frequencies / scaling.factor, frequencies
    )
    blend = (1 - share) * slow / scaling.factor + share * slow
    between = (wavelengths >= scaling.original_length / high) & (
        wavelengths <= scaling.original_length / low
    )
    return np.where(between, blend, slow)


def rotary_angles(
    positions: Array | int,
    dim: int,
    *,
    base: float = 10000.0,
    scaling: RotaryConfig = _UNSCALED,
    dtype: Any = np.float64,
) -> Rotation:
    """Return the rotation of each position (Su et al. 2021, arXiv 2104.09864).

    Pair i turns by position * frequency i, of `rotary_frequencies`. For float64 all is computed
    in float64. For float32 frequencies and angles are float32, as models are trained: far from
    the start an exact angle would be another one.

    Args:
        positions: Int["*lead length"], or a number n for the positions 0 to n - 1.
        dim: how much of each head is rotated, even.
        base: the base of the frequencies.
        scaling: says how frequencies are scaled.
        dtype: of the result, which has dim / 2 pairs.
    """
    wide = np.float64 if np.dtype(dtype) == np.float64 else np.float32
    positions = np.arange(positions) if isinstance(positions, int) else np.asarray(positions)
    frequencies = rotary_frequencies(dim, base=base, scaling=scaling, dtype=wide)
    angles = (positions[..., None].astype(wide) * frequencies).astype(np.float64)
    return Rotation(np.cos(angles).astype(dtype), np.sin(angles).astype(dtype))


def rotate(
    x: Float[Array, "*heads length head_dim"],
    rotation: Rotation,
    *,
    interleaved: bool = False,
    kind: StepKind = steps.ROTATED,
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
        kind, of: of the one step that a trace records.

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
    return trace.record(kind, rotated, of=of)


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
