"""Reads one map from the file of a recording: its description and the tensors named there."""

from __future__ import annotations

import torch

from ....file_reading import FileProblem
from ....json_fields import Fields, text_list
from ....visible import quoted, visible
from ...attention_map import AttentionMap
from ...scores.bias import DenseBias, ToeplitzBias
from ...scores.denominators import Denominators
from ...scores.masks.dense_mask import DenseMask
from ...scores.masks.key_mask import KeyMask
from ...scores.masks.key_ranges import KeyRanges
from ...scores.masks.key_runs import KeyRuns
from ...scores.precision import score_dtype
from ...scores.score_shape import score_shape
from ...scores.scoring import Scoring
from ...storage.provenance import Source
from ._described_tensors import FLOATS, INTEGERS, DescribedTensors, MapShape

_LARGEST_OFFSET = 1 << 40


def read_map(of: Fields, tensors: DescribedTensors) -> AttentionMap:
    """Return the map of a description.

    Raises:
        FileProblem: the description does not fit the tensors.
        ShapeError: queries and keys do not fit together.
    """
    any_of_four = (None,) * 4
    query = tensors.get(of, "query", FLOATS, *any_of_four)
    key = tensors.get(of, "key", FLOATS, *any_of_four)
    if 0 in (*key.shape[1:2], *query.shape[1:2], query.shape[3]):
        raise FileProblem(f"{of.name} has no heads, or heads without a width")
    shape = score_shape(query, key)
    batch, heads, query_len, key_len = shape
    kv_heads = key.shape[1]
    scoring = Scoring(
        scale=of.number("scale"),
        softcap=_positive(of, "softcap") if of.has("softcap") else None,
        mask=_mask(of.object("allowed"), shape, tensors) if of.has("allowed") else None,
        bias=_bias(of.object("bias"), shape, tensors) if of.has("bias") else None,
        sinks=tensors.get_optional(of, "sinks", FLOATS, heads),
        flat=tensors.get_optional(of, "flat", (torch.bool,), -batch, -heads, query_len),
        added_in=_dtype(of, "added_in") if of.has("added_in") else None,
    )
    return AttentionMap(
        query,
        key,
        scoring,
        value=tensors.get_optional(of, "value", FLOATS, batch, kv_heads, key_len, None),
        lse=tensors.get_optional(of, "lse", FLOATS, batch, heads, query_len),
        denominators=_denominators(of, score_dtype(query), shape, tensors),
        source=read_source(of.object("source")),
        query_labels=_labels(of, "query_labels"),
        key_labels=_labels(of, "key_labels"),
        query_offset=of.integer("query_offset", most=_LARGEST_OFFSET),
    )


def read_source(of: Fields) -> Source:
    """Return where a map came from; its texts are safe to print."""
    return Source(
        model=visible(of.text("model")),
        module=visible(of.text("module")),
        kind=visible(of.text("kind")),
        kernel=visible(of.text("kernel")),
        dropout=of.number("dropout"),
        call=of.integer("call", least=0),
        notes=tuple(map(visible, of.texts("notes"))),
    )


def _denominators(
    of: Fields, dtype: torch.dtype, shape: MapShape, tensors: DescribedTensors
) -> Denominators | None:
    if not of.has("denominators"):
        return None
    member = of.object("denominators")
    highest = tensors.get(member, "highest", (torch.float32, torch.float64), *shape[:3])
    return Denominators(highest, tensors.get(member, "log_sum", (dtype,), *shape[:3]))


def _mask(of: Fields, shape: MapShape, tensors: DescribedTensors) -> KeyMask:
    if of.has("start"):
        return _ranges(of, shape, tensors)
    if of.has("starts"):
        return _runs(of, shape, tensors)
    ranges = _ranges(of.object("within"), shape, tensors) if of.has("within") else None
    return DenseMask(tensors.get(of, "allowed", (torch.bool,), *(-size for size in shape)), ranges)


def _ranges(of: Fields, shape: MapShape, tensors: DescribedTensors) -> KeyRanges:
    batch, heads, query_len, key_len = shape
    start, end = (
        tensors.get(of, side, INTEGERS, -batch, -heads, query_len) for side in ("start", "end")
    )
    if start.shape != end.shape or bool(((start < 0) | (end < start) | (end > key_len)).any()):
        raise FileProblem(f"{of.name} has ranges of keys that are not among the {key_len}")
    return KeyRanges(start, end)


def _runs(of: Fields, shape: MapShape, tensors: DescribedTensors) -> KeyRuns:
    batch, heads, query_len, key_len = shape
    start, end = (
        tensors.get(of, side, INTEGERS, -batch, -heads, query_len, None)
        for side in ("starts", "ends")
    )
    if start.shape != end.shape or not start.shape[3]:
        raise FileProblem(f"{of.name} has a different number of starts than of ends of runs")
    if bool(((start < 0) | (end < start) | (end > key_len)).any()):
        raise FileProblem(f"{of.name} has ranges of keys that are not among the {key_len}")
    return KeyRuns(start, end, key_len)


def _bias(of: Fields, shape: MapShape, tensors: DescribedTensors) -> ToeplitzBias | DenseBias:
    batch, heads, query_len, key_len = shape
    if not of.has("query_len"):
        return DenseBias(tensors.get(of, "values", FLOATS, *(-size for size in shape)))
    if of.integer("query_len") != query_len:
        raise FileProblem(f"{of.name} is not for the {query_len} queries of its map")
    distances = query_len + key_len - 1
    return ToeplitzBias(tensors.get(of, "values", FLOATS, -batch, -heads, distances), query_len)


def _positive(of: Fields, key: str) -> float:
    number = of.number(key)
    if number <= 0:
        raise FileProblem(f"{key!r} of {of.name} is {number}; it must be above 0")
    return number


def _dtype(of: Fields, key: str) -> torch.dtype:
    name = of.text(key)
    dtypes = {str(dtype): dtype for dtype in FLOATS}
    if name not in dtypes:
        raise FileProblem(f"{key!r} of {of.name} is {quoted(name)}, which is no type of numbers")
    return dtypes[name]


def _labels(of: Fields, key: str) -> list[str] | list[list[str]] | None:
    """Return the tokens of positions, or a list of them for each row of the batch."""
    if not of.has(key):
        return None
    rows = of.items(key)
    name = f"{key!r} of {of.name}"
    if rows and isinstance(rows[0], list):
        return [text_list(row, f"{name}, [{i}]") for i, row in enumerate(rows)]
    return text_list(rows, name)
