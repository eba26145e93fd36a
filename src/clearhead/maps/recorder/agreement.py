"""Checks some rows of a map against the weights and the output that the model computed.

What the recorder reads from a model's operators is an interpretation, so it is compared with
independent numbers. The weights that the model itself multiplied with its values must be those of
the map as a user gets it; the output of that product is computed again from queries, keys and
scoring in float64.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ...shapes import Array, Bool, Float, Float64, Int
from ..attention_map import AttentionMap
from ..recording.captured import CapturedAttention, Unreadable
from ..scores.denominators import normalised
from ..scores.masks.key_ranges import KeyRanges

_OTHER_OUTPUT = (
    "weights times values, computed from what was read, do not give the model's own output: they "
    "differ by {:.2g}"
)
_WEIGHT_ROWS, _OUTPUT_ROWS = 8, 4  # rows compared in each head
_MOST_ROWS = 17  # if a slice contains more than these
_WEIGHTS_AT_ONCE = 1 << 24
_LARGEST_SCRATCH = 1 << 20  # numbers
# Half precision rounds scores, weights and outputs, each by up to 1/256 of its size.
_TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}
_TOLERANCE_OF_HALF = 0.1
_ROUNDINGS = 16  # roundings of a score: of its product, its scale, its mask


def map_of(captured: CapturedAttention) -> AttentionMap:
    """Return the map that a user would get, without values."""
    return AttentionMap(captured.query, captured.key, captured.scoring, lse=captured.lse)


def check_weights(
    captured: CapturedAttention,
    truth: Float[Tensor, "batch heads query_len columns"],
    *,
    dtypes: Sequence[torch.dtype],
    every_row: bool = False,
) -> None:
    """Compare a map with the model's weights.

    Args:
        captured: the attention as it was read.
        truth: the model's weights; those of sinks may follow those of the keys.
        dtypes: the dtypes in which the model computed.
        every_row: whether to compare all rows, and not only some.

    Raises:
        Unreadable: they differ.
    """
    query_len, key_len = captured.query.shape[2], captured.key.shape[2]
    if 0 in (*captured.query.shape, *captured.key.shape):
        return
    count = query_len if every_row else min(query_len, _WEIGHT_ROWS)
    rows = torch.linspace(0, query_len - 1, count).long().unique().to(truth.device)
    attention_map = map_of(captured)
    step = max(
        _WEIGHTS_AT_ONCE // max(key_len * captured.query.shape[0] * captured.query.shape[1], 1), 1
    )
    for part in rows.split(step):
        mine = attention_map[:, :, part].double()
        theirs = truth[:, :, part, :key_len].double().nan_to_num(0.0)
        error = float((mine - theirs).abs().max())
        if not error <= rounding_tolerance(dtypes, attention_map.scores[:, :, part[:1]]):
            raise Unreadable(
                f"what was read from it does not reproduce the model's own weights: they differ by "
                f"{error:.2g}"
            )


def check_output(
    captured: CapturedAttention,
    output: Float[Tensor, "batch heads query_len value_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    *,
    dtypes: Sequence[torch.dtype],
) -> None:
    """Compare weights times values with the model's output, in some rows of some heads.

    Args:
        captured: the attention as it was read.
        output: the model's.
        value: the values that its weights were multiplied by.

    Raises:
        Unreadable: they differ.
    """
    if 0 in (*output.shape, *value.shape):
        return
    if not _is_plain_softmax(captured):
        _check_any_output(captured, output, value, dtypes)
    elif not _agrees_at_once(captured, output, value, dtypes):
        _check_plain_output(captured, output, value, dtypes)


def _check_any_output(
    captured: CapturedAttention,
    output: Float[Tensor, "batch heads query_len value_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    dtypes: Sequence[torch.dtype],
) -> None:
    """Compare outputs for any scoring, on the model's device."""
    batch, heads, query_len, _ = output.shape
    outer, outer_keys = _ends(heads), _ends(value.shape[1])
    outer_heads = spread(heads, 2, output.device)
    rows = spread(query_len, _OUTPUT_ROWS, output.device)
    scoring = captured.scoring
    sinks = None if scoring.sinks is None else scoring.sinks[outer]
    for first in {0, batch - 1}:
        one = slice(first, first + 1)
        query = captured.query.detach()[one, outer].index_select(2, rows)
        key = captured.key.detach()[one, outer_keys]
        scores = scoring.between(query, key, rows, batch=one, heads=outer_heads)
        tolerance = rounding_tolerance(dtypes, scores)
        weights = normalised(scores, torch.float64, sinks=sinks, may_be_dead=True)
        values = value[one, outer_keys].double()
        theirs = output[one, outer].index_select(2, rows).double()
        mine = weights @ values
        error = (mine - theirs).abs_()
        allowance = tolerance * values.abs().amax((-2, -1), keepdim=True)
        differs = (error > allowance) | (theirs.isnan() & mine.isfinite())
        # The output of a row without keys is undefined, and kernels differ in it.
        if bool((differs & weights.any(-1, keepdim=True)).any()):
            raise Unreadable(_OTHER_OUTPUT.format(float(error.nan_to_num_(torch.inf).max())))


def _is_plain_softmax(captured: CapturedAttention) -> bool:
    """Return whether scores are scaled products, perhaps masked by ranges, as nearly all are."""
    scoring, query = captured.scoring, captured.query
    terms = (scoring.bias, scoring.score_mod, scoring.sinks, scoring.flat, scoring.softcap)
    return (
        all(term is None for term in terms)
        and (scoring.mask is None or isinstance(scoring.mask, KeyRanges))
        and query.device.type == "cpu"
        and query.dtype in (torch.float32, torch.float64)
    )


def _agrees_at_once(
    captured: CapturedAttention,
    output: Float[Tensor, "batch heads query_len value_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    dtypes: Sequence[torch.dtype],
) -> bool:
    """Return whether outputs agree so well that no arithmetic in float64 is needed.

    A few operators compare the same rows in the model's own precision. They are stricter than
    `_check_plain_output`, because they assume scores and values no larger than the output shows. If
    rounding is too large for that, or a row has no keys, the answer is no.
    """
    if torch.is_autocast_enabled("cpu") or value.dtype != captured.query.dtype:
        return False
    batch, heads, query_len, _ = output.shape
    kv_heads, key_len = value.shape[1:3]
    step, key_step = max(heads - 1, 1), max(kv_heads - 1, 1)
    rows, scoring, tolerance = _few_rows(query_len), captured.scoring, _own_tolerance(dtypes)
    for first in (0, batch - 1) if batch > 1 else (0,):
        queries, keys = captured.query[first, ::step, rows], captured.key[first, ::key_step].mT
        values, theirs = value[first, ::key_step], output[first, ::step, rows]
        if len(queries) > len(keys):
            keys, values = (x.expand(len(queries), -1, -1) for x in (keys, values))
        mask = _mask_of_rows(scoring.mask, first, step, query_len, key_len, keys.dtype)
        scores = torch.baddbmm(mask, queries, keys, alpha=scoring.scale)
        mine = torch.bmm(scores.softmax(-1), values)
        allowance = tolerance * float(torch.linalg.vector_norm(theirs, torch.inf))
        if not float(torch.dist(mine, theirs, torch.inf)) <= allowance < math.inf:
            return False
    return True


@lru_cache(maxsize=256)
def _few_rows(query_len: int) -> slice | Tensor:
    """Return some queries, including the first and the last, if possible as a (cheaper) slice."""
    last = query_len - 1
    for count in range(_OUTPUT_ROWS - 1, min(_MOST_ROWS, last + 1)):
        if last % count == 0:
            return slice(0, query_len, last // count)
    return spread(query_len, _OUTPUT_ROWS, _CPU)


@lru_cache(maxsize=4)
def _mask_of_rows(
    ranges: KeyRanges | None,
    first: int,
    step: int,
    query_len: int,
    key_len: int,
    dtype: torch.dtype,
) -> Float[Tensor, "#heads #rows #key_len"]:
    """Return what to add to the scores of these rows.

    It is cached, since every layer has the same mask.
    """
    if ranges is None:
        return torch.zeros(1, 1, 1, dtype=dtype)
    rows = torch.arange(query_len)[_few_rows(query_len)].numpy()
    outer = slice(None, None, step)
    outside = torch.from_numpy(_hidden_keys(ranges, first, outer, rows, key_len))
    return torch.zeros(outside.shape, dtype=dtype).masked_fill_(outside, -torch.inf)


def _check_plain_output(
    captured: CapturedAttention,
    output: Float[Tensor, "batch heads query_len value_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    dtypes: Sequence[torch.dtype],
) -> None:
    """Compare outputs where nothing is added to scores, in a fifth of the general method's time.

    On so few numbers NumPy's operators cost less than PyTorch's.
    """
    query, keys, values, theirs = (
        x.detach().numpy() for x in (captured.query, captured.key, value, output)
    )
    batch, heads, query_len, _ = query.shape
    outer, outer_keys = _ends(heads), _ends(keys.shape[1])
    rows = spread(query_len, _OUTPUT_ROWS, _CPU).numpy()
    for first in {0, batch - 1}:
        # Scores, and the largest of them, which bounds the model's rounding.
        key = _SCRATCH.as_float64(keys[first, outer_keys])
        scores = _product(query[first, outer][:, rows].astype(np.float64), key.swapaxes(-1, -2))
        scores *= captured.scoring.scale
        largest = float(np.abs(scores).max())
        if isinstance(captured.scoring.mask, KeyRanges):
            outside = _hidden_keys(captured.scoring.mask, first, outer, rows, keys.shape[2])
            np.copyto(scores, -np.inf, where=outside)
        # The softmax; a row without keys has weights of zero and an undefined output.
        scores -= np.maximum(scores.max(-1, keepdims=True), np.finfo(np.float64).min)
        weights = np.exp(scores, out=scores)
        defined = weights.any(-1)
        weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-300)
        # Weights times values, against the model's output.
        own_values = _SCRATCH.as_float64(values[first, outer_keys])
        mine, actual = (
            _product(weights, own_values)[defined],
            theirs[first, outer][:, rows][defined],
        )
        error = np.abs(mine - actual)
        size = max(float(own_values.max()), -float(own_values.min()))
        allowance = _tolerance_of(dtypes, largest) * size
        if ((error > allowance) | (np.isnan(actual) & np.isfinite(mine))).any():
            raise Unreadable(_OTHER_OUTPUT.format(float(np.nan_to_num(error, nan=np.inf).max())))


def _product(
    one: Float64[Array, "... rows inner"], other: Float64[Array, "... inner columns"]
) -> Float64[Array, "... rows columns"]:
    """Multiply by PyTorch: NumPy's threads would spin afterwards and slow the model down."""
    product: Array = (torch.from_numpy(one) @ torch.from_numpy(other)).numpy()
    return product


class _Scratch(threading.local):
    """A buffer for float64 numbers: allocation would cost more than the arithmetic."""

    def __init__(self) -> None:
        self._buffer = np.empty(0)

    def as_float64(self, x: Float[Array, "*shape"]) -> Float64[Array, "*shape"]:
        """Return the numbers in float64, in a buffer that the next call overwrites."""
        if x.size > _LARGEST_SCRATCH:
            return x.astype(np.float64)
        if x.size > self._buffer.size:
            self._buffer = np.empty(x.size)
        wide = self._buffer[: x.size].reshape(x.shape)
        np.copyto(wide, x)
        return wide


_SCRATCH = _Scratch()
_CPU = torch.device("cpu")


def _hidden_keys(
    ranges: KeyRanges, first: int, outer: slice, rows: Int[Array, "rows"], key_len: int
) -> Bool[Array, "heads rows key_len"]:
    """Return True where some queries may not attend."""
    start, end = (
        x.numpy()[min(first, len(x) - 1)][outer if x.shape[1] > 1 else slice(None)][:, rows, None]
        for x in (ranges.start, ranges.end)
    )
    columns = np.arange(key_len)
    outside: Array = (columns < start) | (columns >= end)
    return outside


def _ends(length: int) -> slice:
    """Return a slice that selects the first and the last index below a length."""
    return slice(None, None, max(length - 1, 1))


@lru_cache(maxsize=256)
def spread(length: int, most: int, device: torch.device) -> Int[Tensor, "places"]:
    """Return at most ``count`` indices below a length, including the first and the last."""
    return torch.linspace(0, length - 1, min(length, most), device=device).long().unique()


def rounding_tolerance(dtypes: Sequence[torch.dtype], scores: Float[Tensor, "..."]) -> float:
    """Return how far the model's own rounding may move its weights from the exact ones."""
    largest = float(scores.abs().nan_to_num_(0.0, 0.0, 0.0).amax()) if scores.numel() else 0.0
    return _tolerance_of(dtypes, largest)


def _tolerance_of(dtypes: Sequence[torch.dtype], largest: float) -> float:
    """Return the tolerance for the largest of the scores."""
    own = _own_tolerance(dtypes)
    if own == _TOLERANCE_OF_HALF:
        return own
    epsilon = torch.finfo(torch.float32 if torch.float32 in dtypes else torch.float64).eps
    return own + _ROUNDINGS * epsilon * largest


def _own_tolerance(dtypes: Sequence[torch.dtype]) -> float:
    """Return the tolerance for scores that are not large."""
    return max(_TOLERANCE.get(dtype, _TOLERANCE_OF_HALF) for dtype in dtypes)
