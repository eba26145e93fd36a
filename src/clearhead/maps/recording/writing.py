"""Writing recordings: one safetensors file, described by JSON in its header.

Nothing is pickled, so that a file from a stranger is read as numbers and nothing else; see
`recording_reading`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...files import whole_file
from ..attention_map import AttentionMap
from ..measures.topk import TopKeys
from ..scores.bias import DenseBias, ToeplitzBias
from ..scores.denominators import Denominators
from ..scores.key_ranges import DenseMask, KeyRanges
from ..summary_map import SummaryMap
from .reading import FORMAT, HEADER, MEASURES
from .recording import Recording, Refusal


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
        save_file(tensors.named, draft, metadata={HEADER: json.dumps(described)})
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
        "denominators": _write_denominators(one._denominators, tensors),
        "query_offset": one.query_offset,
        "query_labels": one.query_labels,
        "key_labels": one.key_labels,
        "source": asdict(one.source),
        "scale": scoring.scale,
        "softcap": scoring.softcap,
        "sinks": tensors.name(scoring.sinks),
        "flat": tensors.name(scoring.flat),
        "added_in": None if scoring.added_in is None else str(scoring.added_in),
        "allowed": _write_allowed(scoring.allowed, tensors),
        "bias": _write_bias(scoring.bias, tensors),
    }


def _write_denominators(known: Denominators | None, tensors: _Tensors) -> Any:
    if known is None:
        return None
    return {"highest": tensors.name(known.highest), "log_sum": tensors.name(known.log_sum)}


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
        if type(measure).__name__ not in MEASURES or not all(
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
