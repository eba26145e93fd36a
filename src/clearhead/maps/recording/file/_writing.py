"""Writing recordings: one safetensors file, described by JSON in its header.

Nothing is pickled, so that a file from a stranger can be read as numbers and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....errors import ConfigError
from ....files import whole_file
from ....tensor_header import checksum_metadata
from ...attention_map import AttentionMap
from ...measures.topk import TopKeys
from ...scores.bias import DenseBias, ToeplitzBias
from ...scores.denominators import Denominators
from ...scores.masks.key_mask import KeyMask
from ...scores.masks.key_ranges import KeyRanges
from ...scores.masks.key_runs import KeyRuns
from ...storage.summary_map import SummaryMap
from ..beams import map_of_call
from ..calls import Call, Refusal
from ..contents import Contents
from ..growing_call import GrowingCall
from ..outputs import merged_outputs
from ._format import FORMAT, HEADER, MEASURES


class _TensorNames:
    """Names the tensors in the file; a tensor that several maps share is written once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}

    def name(self, x: Tensor | None) -> str | None:
        if x is None:
            return None
        place = (x.data_ptr(), x.device, x.dtype, tuple(x.shape), x.stride())
        if place not in self._names or x.numel() == 0:
            name = f"{len(self.tensors):06d}"
            self.tensors[name] = x.detach().cpu().contiguous().clone()
            self._names[place] = name
        return self._names[place]


def write_contents(contents: Contents, path: Path) -> Path:
    """Write a recording to a file.

    Raises:
        ConfigError: a map has a score_mod, which is code and cannot be stored.
    """
    from safetensors.torch import save_file

    names = _TensorNames()
    modules = [
        {"name": name, "calls": [_describe_call(call, contents, names) for call in calls]}
        for name, calls in contents.calls.items()
    ]
    description = {
        "format": FORMAT,
        "model": contents.model,
        "notes": contents.notes,
        "modules": modules,
        "outputs": [
            {"name": name, "calls": [_describe_output(x, names) for x in calls]}
            for name, outputs in contents.outputs.items()
            for calls in [merged_outputs(contents, name, outputs)]
        ],
    }
    if not names.tensors:
        names.tensors["nothing"] = torch.zeros(0)
    header = json.dumps(description)
    bytes_of = {name: x.reshape(-1).view(torch.uint8).numpy() for name, x in names.tensors.items()}
    metadata = {HEADER: header} | checksum_metadata(bytes_of, description=header.encode())
    with whole_file(path) as draft:
        save_file(names.tensors, draft, metadata=metadata)
    return path


def _describe_output(x: Tensor, names: _TensorNames) -> dict[str, Any]:
    return {"tensor": names.name(x), "axes": x.ndim}


def _describe_call(call: Call, contents: Contents, names: _TensorNames) -> dict[str, Any]:
    if isinstance(call, Refusal):
        return {"refused": asdict(call)}
    result = map_of_call(contents, call) if isinstance(call, GrowingCall) else call.map()
    if isinstance(result, AttentionMap):
        return {"map": _describe_map(result, names)}
    return {"summary": _describe_summary(result, names)}


def _describe_map(one: AttentionMap, names: _TensorNames) -> dict[str, Any]:
    scoring = one.scoring
    if scoring.score_mod is not None:
        raise ConfigError(
            f"The map of {one.source.module!r} cannot be saved: FlexAttention's score_mod is a "
            "Python function, and a file of numbers cannot hold one. Save what you need of it "
            "instead, or record only the other layers (layers=[...])."
        )
    return {
        "query": names.name(one.query),
        "key": names.name(one.key),
        "value": names.name(one.value),
        "lse": names.name(one._lse),
        "denominators": _describe_denominators(one._denominators, names),
        "query_offset": one.query_offset,
        "query_labels": one.query_labels,
        "key_labels": one.key_labels,
        "source": asdict(one.source),
        "scale": scoring.scale,
        "softcap": scoring.softcap,
        "sinks": names.name(scoring.sinks),
        "flat": names.name(scoring.flat),
        "added_in": None if scoring.added_in is None else str(scoring.added_in),
        "allowed": _describe_mask(scoring.mask, names),
        "bias": _describe_bias(scoring.bias, names),
    }


def _describe_denominators(rows: Denominators | None, names: _TensorNames) -> Any:
    if rows is None:
        return None
    return {"highest": names.name(rows.highest), "log_sum": names.name(rows.log_sum)}


def _describe_mask(mask: KeyMask | None, names: _TensorNames) -> Any:
    if mask is None:
        return None
    if isinstance(mask, KeyRanges):
        return {"start": names.name(mask.start), "end": names.name(mask.end)}
    if isinstance(mask, KeyRuns):
        return {"starts": names.name(mask.start), "ends": names.name(mask.end)}
    return {"allowed": names.name(mask.visible), "within": _describe_mask(mask.ranges, names)}


def _describe_bias(bias: ToeplitzBias | DenseBias | None, names: _TensorNames) -> Any:
    if bias is None:
        return None
    description: dict[str, Any] = {"values": names.name(bias.values)}
    if isinstance(bias, ToeplitzBias):
        description["query_len"] = bias.query_len
    return description


def _describe_summary(one: SummaryMap, names: _TensorNames) -> dict[str, Any]:
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
                "tensors": [names.name(part) for part in parts],
            }
        )
    return {"shape": list(one.shape), "source": asdict(one.source), "results": results}
