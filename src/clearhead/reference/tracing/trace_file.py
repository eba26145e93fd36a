"""Trace files: the values as safetensors, everything else as JSON in the header."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable

import numpy as np

from ...errors import TraceError
from ...file_reading import FileProblem, parse_json
from ...files import whole_file
from ...json_fields import Fields
from ...tensor_file import TensorFile
from ...tensor_header import checksum_metadata
from ...visible import quoted, visible
from .step import Step

FORMAT = "clearhead-trace"
VERSION = 1
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64"),
)


def write_steps(path: str | os.PathLike[str], steps: Iterable[Step]) -> None:
    """Write steps to a file, completely or not at all; an existing file is replaced at the end.

    Raises:
        TraceError: a value has a type that the format does not have.
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
    description = json.dumps(described)
    metadata = {"format": FORMAT, "version": str(VERSION), "steps": description}
    metadata |= checksum_metadata(None, steps=description.encode())
    with whole_file(path) as draft:
        save_file(arrays, draft, metadata=metadata)


def read_steps(path: str | os.PathLike[str]) -> list[Step]:
    """Return the steps of a file, in order.

    Raises:
        TraceError: the file is missing, of another kind, or damaged.
    """
    name = repr(os.fspath(path))
    try:
        with TensorFile(path) as file:
            steps: dict[str, Step] = {}
            for entry in _described(file, name):
                step = _step(entry, file)
                # A tensor that is named many times would fill the memory.
                if steps.setdefault(step.path, step) is not step:
                    raise FileProblem(f"{quoted(step.path)} is described twice")
            return list(steps.values())
    except FileProblem as error:
        if error.missing:
            raise TraceError(f"There is no trace at {name}.") from error
        raise TraceError(
            f"{name} is no trace, or it is damaged: {error.reason}. Save the trace again."
        ) from error


def _described(file: TensorFile, name: str) -> list[Fields]:
    """Return the descriptions of all steps from the header."""
    metadata = file.metadata
    if metadata.get("format") != FORMAT:
        raise TraceError(f"{name} is a safetensors file, but not a trace: Trace.save writes them.")
    if metadata.get("version") != str(VERSION):
        raise TraceError(
            f"{name} is a trace of version {visible(str(metadata.get('version')))}; this release "
            f"reads version {VERSION}. Record it again, or use the release that wrote it."
        )
    if "steps" not in metadata:
        raise FileProblem("its header does not describe the steps")
    if not file.checksums.belongs("steps", metadata["steps"].encode()):
        raise FileProblem("the description of its steps is not what was written")
    return Fields({"steps": parse_json(metadata["steps"])}, "the header").objects("steps")


def _step(entry: Fields, file: TensorFile) -> Step:
    path = entry.text("path")
    if path not in file:
        raise FileProblem(f"the value of {quoted(path)} is missing")
    if visible(path) != path:
        raise FileProblem(f"{quoted(path)} is no name of a step")
    if zlib.crc32(file.raw(path).data) != entry.integer("crc32"):
        raise FileProblem(f"the value of {quoted(path)} is not what was written")
    value = file.read(path)
    axes = tuple(entry.texts("axes"))
    if axes and len(axes) != value.ndim:
        raise FileProblem(f"{quoted(path)} has {value.ndim} axes and other names for them")
    value.flags.writeable = False
    return Step(
        path=path,
        value=value,
        axes=tuple(map(visible, axes)),
        formula=visible(entry.text("formula")),
        of=tuple(map(visible, entry.texts("of"))),
        replaced=entry.flag("replaced"),
    )
