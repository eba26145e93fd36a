"""The measures of one attention in a recording's file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from ....file_reading import FileProblem
from ....json_fields import Fields
from ....visible import quoted
from ...measures.base import Measure
from ...measures.per_position import Received
from ...measures.pooled import Mass, Pooled
from ...measures.topk import TopK, TopKeys
from ...storage.summary_map import SummaryMap
from ._described_tensors import FLOATS, DescribedTensors, MapShape
from ._format import MEASURES
from ._map_reading import read_source

_LARGEST_SETTING = 1 << 40


def read_summary(of: Fields, tensors: DescribedTensors) -> SummaryMap:
    """Return the measures of a description.

    Raises:
        FileProblem: the description does not fit the tensors, or a measure does not exist.
        ConfigError: a measure does not accept its settings.
    """
    sizes = of.integers("shape")
    if len(sizes) != 4:
        raise FileProblem(f"{of.name} has {len(sizes)} sizes, and a map has 4")
    batch, heads, query_len, key_len = sizes
    shape = batch, heads, query_len, key_len
    results = dict(_result(one, shape, tensors) for one in of.objects("results"))
    return SummaryMap(shape, read_source(of.object("source")), results)


def _result(of: Fields, shape: MapShape, tensors: DescribedTensors) -> tuple[Measure, Any]:
    """Return a measure and its result."""
    name = of.text("measure")
    if name not in MEASURES:
        raise FileProblem(f"{of.name} is of the measure {quoted(name)}, which is not known")
    measure = _measure(MEASURES[name], of.object("settings"))
    names = of.texts("tensors")
    parts = Fields({str(i): one for i, one in enumerate(names)}, f"'tensors' of {of.name}")
    batch, heads, query_len, key_len = shape
    if isinstance(measure, TopK):
        values = tensors.get(parts, "0", FLOATS, batch, heads, query_len, None)
        indices = tensors.get(parts, "1", (torch.int64,), *values.shape)
        if bool(((indices < -1) | (indices >= key_len)).any()):
            raise FileProblem(f"{of.name} has keys that are not among the {key_len}")
        return measure, TopKeys(values, indices)
    last: tuple[int | None, ...] = (query_len,)
    if isinstance(measure, Received):
        last = (key_len,)
    elif isinstance(measure, Pooled | Mass):
        last = (None, None)
    return measure, tensors.get(parts, "0", FLOATS, batch, heads, *last)


def _measure(kind: type[Measure], settings: Fields) -> Measure:
    """Return a measure with its settings, after checking the type of each."""
    readers: dict[str, Callable[[str], Any]] = {
        "int": lambda name: settings.integer(name, most=_LARGEST_SETTING),
        "str": settings.text,
        "tuple[Span, ...]": lambda name: _spans(settings, name),
    }
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    settings.only(tuple(field.name for field in fields))
    values = {field.name: readers[str(field.type)](field.name) for field in fields}
    measure: Measure = kind(**values)
    return measure


def _spans(settings: Fields, name: str) -> list[list[int]]:
    spans = settings.items(name)
    parts = Fields({str(i): span for i, span in enumerate(spans)}, f"{name!r} of {settings.name}")
    pairs = [parts.integers(str(i)) for i in range(len(spans))]
    if any(len(pair) != 2 for pair in pairs):
        raise FileProblem(f"{name!r} of {settings.name} holds something other than (begin, end)")
    return pairs
