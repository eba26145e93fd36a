"""Derivations of the biases that positions add to scores; their formula depends on the model."""

from __future__ import annotations

import math

from ...config import TransformerConfig
from ...reference.tracing.step_kind import ALL, axis
from .derivation import Derivation, array, constant, scalar

_QUERY = scalar("i", "queryPosition", axis(1))
_KEY = scalar("j", "keyPosition", axis(2))


def alibi(config: TransformerConfig) -> Derivation:
    """Return -slope * |i - j| for ["heads query_len key_len"] (Press et al. 2022).

    For n heads, n a power of two, the slopes are the first n powers of 2^(-8/n). Further heads have
    every second slope of twice as many heads.
    """
    heads = config.num_heads
    whole = 1 << (heads.bit_length() - 1)
    power = "-8 * (h + 1) / n"
    if whole < heads:
        power = f"({power} if h < n else -8 * (2 * (h - n) + 1) / (2 * n))"
    else:
        power = f"({power})"
    operands = (
        _QUERY,
        _KEY,
        scalar("h", "headNumber", axis(0)),
        constant("n", "headCount" if whole == heads else "largestPowerOfTwo", whole),
    )
    return Derivation(f"-(2.0 ** {power}) * abs(i - j)", operands)


def relative(stack: str, config: TransformerConfig) -> Derivation:
    """Return T5's bias for ["heads query_len key_len"] (Raffel et al. 2020).

    In an encoder, half of the buckets are for keys after the query; in a decoder these all count
    as distance 0. Small distances have a bucket each; large ones share logarithmic buckets.
    """
    both = stack == "encoder"
    buckets = config.relative_buckets // 2 if both else config.relative_buckets
    exact = buckets // 2
    distance = "abs(i - j)" if both else "max(i - j, 0)"
    # In float32, as T5 was trained: another precision gives another bucket at some distances.
    near = f"np.log(float(np.float32({distance}) / np.float32(exact)))"
    far = f"np.float32({near}) / np.float32(log_range) * np.float32(buckets - exact)"
    bucket = f"({distance} if {distance} < exact else min(buckets - 1, exact + int({far})))"
    weight = f"weights/{stack}.relative_bias.weight"
    operands = (
        array("w", "distanceBiases", weight, (ALL, axis(0))),
        _QUERY,
        _KEY,
        constant("buckets", "directionBuckets" if both else "buckets", buckets),
        constant("exact", "exactDistances", exact),
        constant("log_range", "logRange", math.log(config.relative_max_distance / exact)),
    )
    ahead = "(j > i) * buckets + " if both else ""
    return Derivation(f"w[{ahead}{bucket}]", operands)
