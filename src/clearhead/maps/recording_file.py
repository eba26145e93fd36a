"""Recordings on disk: one safetensors file, described by JSON in its header.

Nothing is pickled, so that a file from a stranger is read as numbers and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError, TraceError
from ..files import whole_file
from .attention_map import AttentionMap
from .bias import DenseBias, ToeplitzBias
from .key_ranges import DenseMask, KeyRanges
from .measures import Diagonal, Distance, Entropy, LogSumExp, Received, Sink
from .measuring import Measure
from .pooled import Mass, Pooled
from .provenance import Source
from .recording import Recording, Refusal
from .scoring import Scoring
from .summary_map import SummaryMap
from .topk import TopK, TopKeys

FORMAT = 1
_HEADER = "clearhead.recording"
_MEASURES = {
    cls.__name__: cls
    for cls in (Diagonal, Distance, Entropy, LogSumExp, Mass, Pooled, Received, Sink, TopK)
}


class _Tensors:
    """Names for tensors; one that several maps share is written once."""

    def __init__(self) -> None:
        self.named: dict[str, Tensor] = {}
        self._known: dict[tuple[Any, ...], str] = {}

    def name(self, x: Tensor | None) -> str | None:
        if x is None:
            return None
        place = (x.data_ptr(), x.device, x.dtype, tuple(x.shape), x.stride())
        if place not in self._known or x.numel() == 0:
            name = f"{len(self.named):06d}"
            self.named[name] = x.detach().cpu().contiguous().clone()
            self._known[place] = name
        return self._known[place]


def save_recording(recording: Recording, path: Path) -> Path:
    """Writes a recording.

    Raises:
        ConfigError: a map has a score_mod, which is code and cannot be written.
    """
    from safetensors.torch import save_file

    tensors = _Tensors()
    modules = []
    for name in recording:
        calls = []
        entry = recording._entry(name)
        for number, call in enumerate(entry.calls):
            if isinstance(call, Refusal):
                calls.append({"refused": asdict(call)})
                continue
            found = recording[name, number]
            calls.append(
                {"map": _write_map(found, tensors)}
                if isinstance(found, AttentionMap)
                else {"summary": _write_summary(found, tensors)}
            )
        modules.append({"name": name, "calls": calls})
    described = {
        "format": FORMAT,
        "model": recording.model,
        "notes": recording.notes,
        "modules": modules,
    }
    if not tensors.named:
        tensors.named["nothing"] = torch.zeros(0)
    with whole_file(path) as draft:
        save_file(tensors.named, draft, metadata={_HEADER: json.dumps(described)})
    return path


def _write_map(one: AttentionMap, tensors: _Tensors) -> dict[str, Any]:
    scoring = one.scoring
    if scoring.score_mod is not None:
        raise ConfigError(
            f"The map of {one.source.module!r} cannot be saved: FlexAttention's score_mod is a "
            "Python function, and a file of numbers cannot hold one. Save what you need of it "
            "instead, or record only the other layers (layers=[...])."
        )
    return {
        "query": tensors.name(one.query),
        "key": tensors.name(one.key),
        "value": tensors.name(one.value),
        "lse": tensors.name(one._lse),
        "query_offset": one.query_offset,
        "query_labels": one.query_labels,
        "key_labels": one.key_labels,
        "source": asdict(one.source),
        "scale": scoring.scale,
        "softcap": scoring.softcap,
        "sinks": tensors.name(scoring.sinks),
        "flat": tensors.name(scoring.flat),
        "allowed": _write_allowed(scoring.allowed, tensors),
        "bias": _write_bias(scoring.bias, tensors),
    }


def _write_allowed(allowed: KeyRanges | DenseMask | None, tensors: _Tensors) -> Any:
    if allowed is None:
        return None
    if isinstance(allowed, KeyRanges):
        return {"start": tensors.name(allowed.start), "end": tensors.name(allowed.end)}
    within = _write_allowed(allowed.within, tensors)
    return {"allowed": tensors.name(allowed.allowed), "within": within}


def _write_bias(bias: ToeplitzBias | DenseBias | None, tensors: _Tensors) -> Any:
    if bias is None:
        return None
    described: dict[str, Any] = {"values": tensors.name(bias.values)}
    if isinstance(bias, ToeplitzBias):
        described["query_len"] = bias.query_len
    return described


def _write_summary(one: SummaryMap, tensors: _Tensors) -> dict[str, Any]:
    results = []
    for measure, result in one.results.items():
        parts = list(result) if isinstance(result, TopKeys) else [result]
        if type(measure).__name__ not in _MEASURES or not all(
            isinstance(part, Tensor) for part in parts
        ):
            raise ConfigError(
                f"The measure {measure!r} of {one.source.module!r} cannot be saved: it is not one "
                "of clearhead's own."
            )
        results.append(
            {
                "measure": type(measure).__name__,
                "settings": asdict(measure),  # type: ignore[call-overload]
                "tensors": [tensors.name(part) for part in parts],
            }
        )
    return {"shape": list(one.shape), "source": asdict(one.source), "results": results}


def load_recording(path: str | Path) -> Recording:
    """Reads what `Recording.save` wrote.

    Raises:
        TraceError: the file is missing, damaged, or no recording.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(_HEADER)
            if header is None:
                raise TraceError(
                    f"{path} is a safetensors file, but not a recording: its header has no "
                    f"{_HEADER!r}. Recordings are written by Recording.save."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise TraceError(
            f"Cannot read the recording {path}: {error}. It is missing or damaged, or no "
            "safetensors file."
        ) from error
    try:
        described = json.loads(header)
        if described["format"] != FORMAT:
            raise TraceError(
                f"{path} has format {described['format']}, and this version of clearhead reads "
                f"format {FORMAT}."
            )
        return _read(described, tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TraceError(
            f"The recording {path} is damaged: its description does not fit its tensors "
            f"({type(error).__name__}: {error})."
        ) from error


def _read(described: dict[str, Any], tensors: dict[str, Tensor]) -> Recording:
    recording = Recording(described["model"])
    recording.notes = [str(note) for note in described["notes"]]
    for module in described["modules"]:
        calls = recording._entry(module["name"]).calls
        for call in module["calls"]:
            if "refused" in call:
                calls.append(Refusal(**call["refused"]))
            elif "summary" in call:
                calls.append(_read_summary(call["summary"], tensors))
            else:
                calls.append(_read_map(call["map"], tensors))
    return recording


def _source(described: dict[str, Any]) -> Source:
    return Source(**{**described, "notes": tuple(described["notes"])})


def _read_map(described: dict[str, Any], tensors: dict[str, Tensor]) -> AttentionMap:
    def tensor(name: str | None) -> Tensor | None:
        return None if name is None else tensors[name]

    scoring = Scoring(
        scale=float(described["scale"]),
        softcap=described["softcap"],
        allowed=_read_allowed(described["allowed"], tensors),
        bias=_read_bias(described["bias"], tensors),
        sinks=tensor(described["sinks"]),
        flat=tensor(described["flat"]),
    )
    return AttentionMap(
        tensors[described["query"]],
        tensors[described["key"]],
        scoring,
        value=tensor(described["value"]),
        lse=tensor(described["lse"]),
        source=_source(described["source"]),
        query_labels=described["query_labels"],
        key_labels=described["key_labels"],
        query_offset=int(described["query_offset"]),
    )


def _read_allowed(described: Any, tensors: dict[str, Tensor]) -> KeyRanges | DenseMask | None:
    if described is None:
        return None
    if "start" in described:
        return KeyRanges(tensors[described["start"]], tensors[described["end"]])
    within = _read_allowed(described["within"], tensors)
    if isinstance(within, DenseMask):
        raise ValueError("a mask within a mask")
    return DenseMask(tensors[described["allowed"]], within)


def _read_bias(described: Any, tensors: dict[str, Tensor]) -> ToeplitzBias | DenseBias | None:
    if described is None:
        return None
    if "query_len" in described:
        return ToeplitzBias(tensors[described["values"]], int(described["query_len"]))
    return DenseBias(tensors[described["values"]])


def _read_summary(described: dict[str, Any], tensors: dict[str, Tensor]) -> SummaryMap:
    results: dict[Measure, Any] = {}
    for one in described["results"]:
        measure = _MEASURES[one["measure"]](**one["settings"])
        found = [tensors[name] for name in one["tensors"]]
        results[measure] = TopKeys(*found) if isinstance(measure, TopK) else found[0]
    batch, heads, query_len, key_len = described["shape"]
    source = _source(described["source"])
    return SummaryMap((batch, heads, query_len, key_len), source, results)
