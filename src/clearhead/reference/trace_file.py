"""A trace as one file: the values in safetensors, all else as JSON in its header."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import TraceError
from ..files import whole_file
from .step import Step

FORMAT = "clearhead-trace"
VERSION = 1
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64"),
)


def write_steps(path: str | os.PathLike[str], steps: Iterable[Step]) -> None:
    """Write steps to a file, whole or not at all: an existing file is replaced at the end.

    Raises:
        TraceError: a value is not made of numbers that the format knows.
    """
    from safetensors.numpy import save_file

    arrays, described = {}, []
    for step in steps:
        if step.value.dtype.name not in DTYPES:
            raise TraceError(
                f"The step {step.path!r} holds {step.value.dtype}, which cannot be saved; a file "
                f"holds {', '.join(DTYPES)}."
            )
        value = np.ascontiguousarray(step.value).reshape(step.shape)
        arrays[step.path] = value
        described.append(
            {
                "path": step.path,
                "axes": step.axes,
                "formula": step.formula,
                "of": step.of,
                "replaced": step.replaced,
                "crc32": zlib.crc32(value.tobytes()),
            }
        )
    metadata = {"format": FORMAT, "version": str(VERSION), "steps": json.dumps(described)}
    with whole_file(path) as draft:
        save_file(arrays, draft, metadata=metadata)


def read_steps(path: str | os.PathLike[str]) -> list[Step]:
    """The steps of a file, in order; TraceError if it is missing, foreign or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise TraceError(f"There is no trace at {os.fspath(path)!r}.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise TraceError(f"{os.fspath(path)!r} is no trace, or it is damaged: {error}") from error
    if metadata.get("format") != FORMAT:
        raise TraceError(
            f"{os.fspath(path)!r} is a safetensors file, but not a trace: Trace.save writes them."
        )
    if metadata.get("version") != str(VERSION):
        raise TraceError(
            f"{os.fspath(path)!r} is a trace of version {metadata.get('version')}; this release "
            f"reads version {VERSION}. Record it again, or use the release that wrote it."
        )
    try:
        return [_step(entry, arrays) for entry in json.loads(metadata["steps"])]
    except (KeyError, TypeError, ValueError) as error:
        raise TraceError(f"The trace {os.fspath(path)!r} is damaged: {error}") from error


def _step(entry: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> Step:
    if entry["path"] not in arrays:
        raise ValueError(f"the value of {entry['path']!r} is missing")
    value = arrays[entry["path"]]
    if zlib.crc32(value.tobytes()) != entry["crc32"]:
        raise ValueError(f"the value of {entry['path']!r} is not what was written")
    if entry["axes"] and len(entry["axes"]) != value.ndim:
        raise ValueError(f"{entry['path']!r} has {value.ndim} axes and other names for them")
    value.flags.writeable = False
    return Step(
        path=entry["path"],
        value=value,
        axes=tuple(entry["axes"]),
        formula=entry["formula"],
        of=tuple(entry["of"]),
        replaced=entry["replaced"],
    )
