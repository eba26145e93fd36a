"""Bounds on the cost of a recording, counted from its shapes before anything is computed.

A file of a megabyte can describe maps of 10^12 weights, because queries and keys are stored instead
of weights, and many calls may share them. So each question has a bound on its multiply-adds and on
the memory that it needs in addition to the recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...errors import ConfigError, ShapeError
from ..contract.questions import Window
from .modules import Module

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap

# About half a minute on one core; on a slower one, a question that takes longer is cancelled.
MULTIPLY_ADDS = 10**12
BYTES = 1 << 30
POSITIONS = 2_000_000
# The cost of the mask, the softmax and the sums for one weight, in multiply-adds.
SOFTMAX = 100
LEAST_ROWS = 64  # of a tile, of one key head
OF_A_MODULE = 40  # the text about a module besides its positions, counted in positions


def check_size(modules: Sequence[Module], rows: int) -> None:
    """Raise ConfigError if there are more names than a page can hold."""
    positions = sum(sum(module.map.shape[2:]) + OF_A_MODULE for module in modules)
    positions += rows * modules[0].map.shape[2]
    if positions > POSITIONS:
        raise ConfigError(
            f"The page cannot show this recording: it would have to name {positions:,} positions, "
            f"those of the queries and keys of {len(modules):,} attentions and of {rows:,} rows, "
            f"and it names at most {POSITIONS:,}. Record less: a shorter text, fewer layers "
            f"(layers=[...]) or fewer rows at once."
        )


def picture_work(one: AttentionMap) -> int:
    """Count the multiply-adds of the picture of one row of a map."""
    return _entries(one) * (one.query.shape[-1] + SOFTMAX)


def check_passes(
    modules: Sequence[Module],
    maps: Sequence[AttentionMap],
    what: str,
    method: str = "pooled",
) -> None:
    """Raise ShapeError if a pass over these maps would take too long or too much memory.

    Args:
        modules: the modules in question.
        maps: their maps that are not computed yet, in pieces.
        what: what is computed, for messages: ``The pictures of 'self'``.
        method: the AttentionMap method that has no bound.
    """
    work = sum(picture_work(one) for one in maps)
    if work > MULTIPLY_ADDS:
        _, heads, queries, keys = modules[0].map.shape
        alone = MULTIPLY_ADDS * len(modules) // work
        way = (
            f"Ask for {alone} of its layers at a time"
            if alone
            else "Record a shorter text, or ask for windows of its weights, which are exact at "
            "any length"
        )
        raise ShapeError(
            f"{what} would take {_scale(work)} multiply-adds (layers: "
            f"{len(modules)}, each of {heads} heads of {queries:,} queries and {keys:,} keys), "
            f"and one question may take {_scale(MULTIPLY_ADDS)}. {way}; in Python, "
            f"AttentionMap.{method} has no such bound."
        )
    check_memory(max((_tile_bytes(one) for one in maps), default=0), what)


def check_window(one: AttentionMap, step: str, window: Window, path: str) -> int:
    """Count the multiply-adds of a window of scores or weights, or of the log-sum-exp.

    Args:
        one: one row of a map.
        step: the name of one of its arrays.
        window: of that array, with all its axes.
        path: the name of the array in messages.

    Raises:
        ShapeError: it would take too much memory.
    """
    if step not in ("scores", "weights", "log_sum_exp"):
        return 0
    size, width = one.query.shape[-1], one.dtype.itemsize
    sizes = [stop - start for start, stop in window]
    heads, rows = sizes[1:3]
    work = (math.prod(sizes) if step != "log_sum_exp" else 0) * size
    wide = sizes[3] if step == "scores" else one.shape[3]
    # For a subset of the heads, the keys are copied once for each head.
    nbytes = heads * wide * size * width if heads < one.shape[1] else 0
    if step != "scores" and one.known_lse is None:
        whole = step == "log_sum_exp" or rows * 4 >= one.shape[2]
        work += picture_work(one) if whole else heads * rows * one.shape[3] * (size + SOFTMAX)
        nbytes = max(nbytes, _tile_bytes(one) if whole else heads * one.shape[3] * width)
    check_memory(nbytes, f"{path!r} in this window")
    return work


def check_work(works: Iterable[int]) -> None:
    """Raise ShapeError if windows together would take too long."""
    work = sum(works)
    if work > MULTIPLY_ADDS:
        raise ShapeError(
            f"These windows would take {_scale(work)} multiply-adds, since each weight is divided "
            f"by the sum over all keys of its query, and one question may take "
            f"{_scale(MULTIPLY_ADDS)}. Ask for fewer queries or fewer heads at once."
        )


def check_memory(nbytes: int, what: str) -> None:
    """Raise ShapeError if the number of bytes is too large."""
    if nbytes > BYTES:
        raise ShapeError(
            f"{what} would take {nbytes / 1e9:,.1f} GB of memory beside the recording, and one "
            f"question may take {BYTES / 1e9:,.1f} GB. Ask for fewer heads at once, or record a "
            f"shorter text."
        )


def _entries(one: AttentionMap) -> int:
    """Count the weights that a pass over a row of a map computes."""
    _, heads, queries, keys = one.shape
    mask = one.scoring.mask
    ranges = None if mask is None else mask.ranges
    if ranges is None:
        return heads * queries * keys
    start, end = (each.long().clamp(0, keys) for each in (ranges.start, ranges.end))
    runs = (end - start).clamp(min=0)
    # A size of 1 along an axis applies to the whole axis.
    visible = int(runs.sum()) * (heads // runs.shape[1]) * (queries // runs.shape[2])
    # A tile computes every key that any of its rows may see.
    return min(visible + heads * queries * LEAST_ROWS, heads * queries * keys)


def _tile_bytes(one: AttentionMap) -> int:
    """Return the memory of a pass: a tile's scores, weights, mask and bias, and a head's keys."""
    from ...maps.storage.tile_plan import CPU_TILE

    _, heads, queries, keys = one.shape
    group = heads // one.key.shape[1]
    rows = min(max(CPU_TILE // (keys * group), -(-LEAST_ROWS // group)), queries)
    tile = max(min(CPU_TILE, heads * queries * keys), group * rows * keys)
    return (4 * tile + keys * one.query.shape[-1]) * one.dtype.itemsize


def _scale(count: int) -> str:
    """Write a large number in scientific notation: 3.1 x 10^11."""
    exponent = len(str(count)) - 1
    first = count / 10**exponent
    return f"10^{exponent}" if first == 1 else f"{first:.1f} x 10^{exponent}"
