"""Reading a recording from a file that a stranger may have made.

The header names tensors and says what they are; each is asked for its type and its shape before
a map is made of it, so that what is loaded can be looked at without surprises.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError, TraceError
from ...file_reading import FileProblem, parse_json
from ...json_fields import Fields, text_list
from ...tensor_file import TensorFile
from ...visible import quoted, visible
from ..attention_map import AttentionMap
from ..measures.base import Measure
from ..measures.per_position import Diagonal, Distance, Entropy, LogSumExp, Received, Sink
from ..measures.pooled import Mass, Pooled
from ..measures.topk import TopK, TopKeys
from ..provenance import Source
from ..scores.bias import DenseBias, ToeplitzBias
from ..scores.denominators import Denominators
from ..scores.key_ranges import DenseMask, KeyRanges
from ..scores.precision import score_dtype
from ..scores.scoring import Scoring, score_shape
from ..summary_map import SummaryMap
from .recording import Recording, Refusal

# Of format 1 there was no more than a kernel's log-sum-exp.
FORMAT, READABLE = 2, (1, 2)
HEADER = "clearhead.recording"
MEASURES: dict[str, type[Measure]] = {
    cls.__name__: cls
    for cls in (Diagonal, Distance, Entropy, LogSumExp, Mass, Pooled, Received, Sink, TopK)
}
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.int32, torch.int64)
Shape = tuple[int, int, int, int]


def load_recording(path: str | Path) -> Recording:
    """Reads what `Recording.save` wrote.

    Raises:
        TraceError: the file is missing, damaged, or no recording.
    """
    shown = visible(str(path))
    try:
        with TensorFile(path) as file:
            header = file.metadata.get(HEADER)
            if header is None:
                raise TraceError(
                    f"{shown} is a safetensors file, but not a recording: its header has no "
                    f"{HEADER!r}. Recordings are written by Recording.save."
                )
            described = _described(header, shown)
            tensors = {name: file.read_torch(name) for name in file}
    except FileProblem as error:
        raise TraceError(
            f"Cannot read the recording {shown}: {error.reason}. It is missing or damaged, or no "
            "recording; save it again."
        ) from error
    try:
        return _Reader(tensors).recording(described)
    except (FileProblem, ConfigError, ShapeError) as error:
        reason = error.reason if isinstance(error, FileProblem) else str(error).rstrip(".")
        raise TraceError(
            f"The recording {shown} is damaged: its description does not fit its tensors "
            f"({visible(reason)}). Save it again."
        ) from error


def _described(header: str, shown: str) -> Fields:
    described = Fields(parse_json(header), "the description")
    version = described.integer("format")
    if version not in READABLE:
        known = " and ".join(map(str, READABLE))
        raise TraceError(
            f"{shown} has format {version}, and this version of clearhead reads formats {known}."
        )
    return described


class _Reader:
    """What a description makes of the tensors of its file."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors

    def recording(self, described: Fields) -> Recording:
        recording = Recording(visible(described.text("model")))
        recording.notes = list(map(visible, described.texts("notes")))
        for module in described.objects("modules"):
            name = visible(module.text("name"))
            if name in recording:
                raise FileProblem(f"the module {quoted(name)} is described twice")
            calls = module.objects("calls")
            if not calls:
                raise FileProblem(f"the module {quoted(name)} has no call")
            recording._entry(name).calls.extend(map(self._call, calls))
        return recording

    def _call(self, call: Fields) -> AttentionMap | SummaryMap | Refusal:
        if call.has("refused"):
            refused = call.object("refused")
            return Refusal(visible(refused.text("why")), visible(refused.text("kernel")))
        return (
            self._summary(call.object("summary"))
            if call.has("summary")
            else (self._map(call.object("map")))
        )

    def _tensor(
        self, of: Fields, key: str, dtypes: tuple[torch.dtype, ...], *shape: int | None
    ) -> Tensor:
        """The tensor that a member names, if it has one of these types and this shape.

        Of the shape None stands for any size; where a size is negative, 1 will do as well.
        """
        name = of.text(key)
        if name not in self._tensors:
            raise FileProblem(
                f"{key!r} of {of.name} names the tensor {quoted(name)}, which is missing"
            )
        tensor = self._tensors[name]
        if tensor.dtype not in dtypes:
            known = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
            there = str(tensor.dtype).removeprefix("torch.")
            raise FileProblem(f"{key!r} of {of.name} is a tensor of {there}, not of {known}")
        fits = tensor.ndim == len(shape) and all(
            want is None or got == abs(want) or (want < 0 and got == 1)
            for got, want in zip(tensor.shape, shape, strict=True)
        )
        if not fits:
            raise FileProblem(
                f"{key!r} of {of.name} has the shape {list(tensor.shape)}, which does not fit there"
            )
        return tensor

    def _optional(
        self, of: Fields, key: str, dtypes: tuple[torch.dtype, ...], *shape: int | None
    ) -> Tensor | None:
        return self._tensor(of, key, dtypes, *shape) if of.has(key) else None

    def _map(self, of: Fields) -> AttentionMap:
        any_of_four = (None,) * 4
        query = self._tensor(of, "query", _FLOATS, *any_of_four)
        key = self._tensor(of, "key", _FLOATS, *any_of_four)
        if 0 in (*key.shape[1:2], *query.shape[1:2], query.shape[3]):
            raise FileProblem(f"{of.name} has no heads, or heads without a width")
        shape = score_shape(query, key)
        batch, heads, query_len, key_len = shape
        kv_heads = key.shape[1]
        scoring = Scoring(
            scale=of.number("scale"),
            softcap=_positive(of, "softcap") if of.has("softcap") else None,
            allowed=self._allowed(of.object("allowed"), shape) if of.has("allowed") else None,
            bias=self._bias(of.object("bias"), shape) if of.has("bias") else None,
            sinks=self._optional(of, "sinks", _FLOATS, heads),
            flat=self._optional(of, "flat", (torch.bool,), -batch, -heads, query_len),
            added_in=_dtype(of, "added_in") if of.has("added_in") else None,
        )
        return AttentionMap(
            query,
            key,
            scoring,
            value=self._optional(of, "value", _FLOATS, batch, kv_heads, key_len, None),
            lse=self._optional(of, "lse", _FLOATS, batch, heads, query_len),
            denominators=self._denominators(of, score_dtype(query), shape[:3]),
            source=_source(of.object("source")),
            query_labels=_labels(of, "query_labels"),
            key_labels=_labels(of, "key_labels"),
            query_offset=of.integer("query_offset", most=1 << 40),
        )

    def _denominators(
        self, of: Fields, dtype: torch.dtype, shape: tuple[int, int, int]
    ) -> Denominators | None:
        if not of.has("denominators"):
            return None
        known = of.object("denominators")
        highest = self._tensor(known, "highest", (torch.float32, torch.float64), *shape)
        return Denominators(highest, self._tensor(known, "log_sum", (dtype,), *shape))

    def _allowed(self, of: Fields, shape: Shape) -> KeyRanges | DenseMask:
        if of.has("start"):
            return self._ranges(of, shape)
        within = self._ranges(of.object("within"), shape) if of.has("within") else None
        allowed = self._tensor(of, "allowed", (torch.bool,), *(-size for size in shape))
        return DenseMask(allowed, within)

    def _ranges(self, of: Fields, shape: Shape) -> KeyRanges:
        batch, heads, query_len, key_len = shape
        ends = -batch, -heads, query_len
        start = self._tensor(of, "start", _INTEGERS, *ends)
        end = self._tensor(of, "end", _INTEGERS, *ends)
        if start.shape != end.shape or bool(((start < 0) | (end < start) | (end > key_len)).any()):
            raise FileProblem(f"{of.name} has ranges of keys that are not among the {key_len}")
        return KeyRanges(start, end)

    def _bias(self, of: Fields, shape: Shape) -> ToeplitzBias | DenseBias:
        batch, heads, query_len, key_len = shape
        if not of.has("query_len"):
            return DenseBias(self._tensor(of, "values", _FLOATS, *(-size for size in shape)))
        if of.integer("query_len") != query_len:
            raise FileProblem(f"{of.name} is not for the {query_len} queries of its map")
        distances = query_len + key_len - 1
        values = self._tensor(of, "values", _FLOATS, -batch, -heads, distances)
        return ToeplitzBias(values, query_len)

    def _summary(self, of: Fields) -> SummaryMap:
        sizes = of.integers("shape")
        if len(sizes) != 4:
            raise FileProblem(f"{of.name} has {len(sizes)} sizes, and a map has 4")
        batch, heads, query_len, key_len = sizes
        shape = batch, heads, query_len, key_len
        results = dict(self._result(one, shape) for one in of.objects("results"))
        return SummaryMap(shape, _source(of.object("source")), results)

    def _result(self, of: Fields, shape: Shape) -> tuple[Measure, Any]:
        name = of.text("measure")
        if name not in MEASURES:
            raise FileProblem(f"{of.name} is of the measure {quoted(name)}, which is not known")
        measure = _measure(MEASURES[name], of.object("settings"))
        names = of.texts("tensors")
        parts = Fields({str(i): one for i, one in enumerate(names)}, f"'tensors' of {of.name}")
        batch, heads, query_len, key_len = shape
        if isinstance(measure, TopK):
            kept = (batch, heads, query_len, None)
            values = self._tensor(parts, "0", _FLOATS, *kept)
            indices = self._tensor(parts, "1", (torch.int64,), *values.shape)
            if bool(((indices < -1) | (indices >= key_len)).any()):
                raise FileProblem(f"{of.name} has keys that are not among the {key_len}")
            return measure, TopKeys(values, indices)
        last: tuple[int | None, ...] = (query_len,)
        if isinstance(measure, Received):
            last = (key_len,)
        elif isinstance(measure, Pooled | Mass):
            last = (None, None)
        return measure, self._tensor(parts, "0", _FLOATS, batch, heads, *last)


def _positive(of: Fields, key: str) -> float:
    number = of.number(key)
    if number <= 0:
        raise FileProblem(f"{key!r} of {of.name} is {number}; it must be above 0")
    return number


def _dtype(of: Fields, key: str) -> torch.dtype:
    name = of.text(key)
    known = {str(dtype): dtype for dtype in _FLOATS}
    if name not in known:
        raise FileProblem(f"{key!r} of {of.name} is {quoted(name)}, which is no type of numbers")
    return known[name]


def _source(of: Fields) -> Source:
    return Source(
        model=visible(of.text("model")),
        module=visible(of.text("module")),
        kind=visible(of.text("kind")),
        kernel=visible(of.text("kernel")),
        dropout=of.number("dropout"),
        call=of.integer("call", least=0),
        notes=tuple(map(visible, of.texts("notes"))),
    )


def _labels(of: Fields, key: str) -> list[str] | list[list[str]] | None:
    """Names of positions, or a list of them for each row of the batch."""
    if not of.has(key):
        return None
    rows = of.items(key)
    name = f"{key!r} of {of.name}"
    if rows and isinstance(rows[0], list):
        return [text_list(row, f"{name}, [{i}]") for i, row in enumerate(rows)]
    return text_list(rows, name)


def _measure(kind: type[Measure], settings: Fields) -> Measure:
    """A measure with its settings, each of the type that it has there."""
    asked: dict[str, Callable[[str], Any]] = {
        "int": lambda name: settings.integer(name, most=1 << 40),
        "str": settings.text,
        "tuple[Span, ...]": lambda name: _spans(settings, name),
    }
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    settings.only(tuple(field.name for field in fields))
    made: Measure = kind(**{field.name: asked[str(field.type)](field.name) for field in fields})
    return made


def _spans(settings: Fields, name: str) -> list[list[int]]:
    spans = settings.items(name)
    parts = Fields({str(i): span for i, span in enumerate(spans)}, f"{name!r} of {settings.name}")
    found = [parts.integers(str(i)) for i in range(len(spans))]
    if any(len(span) != 2 for span in found):
        raise FileProblem(f"{name!r} of {settings.name} holds what is no begin and end")
    return found
