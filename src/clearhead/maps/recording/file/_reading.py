"""Reading a recording from a file that a stranger may have made.

The header names tensors and describes them. The type and shape of each is checked before a map is
made of it, so that reading fails here and not later, when the map is used.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ....errors import ConfigError, ShapeError, TraceError
from ....file_reading import FileProblem, parse_json
from ....json_fields import Fields
from ....tensor_file import TensorFile
from ....visible import quoted, visible
from ..calls import Call, FinishedCall, Refusal
from ..contents import Contents
from ._described_tensors import FLOATS, DescribedTensors
from ._format import HEADER, READABLE_FORMATS
from ._map_reading import read_map
from ._summary_reading import read_summary

_MOST_AXES = 16


def read_contents(path: str | Path) -> Contents:
    """Read what `write_contents` wrote.

    Raises:
        TraceError: the file is missing, damaged, or no recording.
    """
    name = visible(str(path))
    try:
        with TensorFile(path) as file:
            header = file.metadata.get(HEADER)
            if header is None:
                raise TraceError(
                    f"{name} is a safetensors file, but not a recording: its header has no "
                    f"{HEADER!r}. Recordings are written by Recording.save."
                )
            if not file.checksums.belongs("description", header.encode()):
                raise FileProblem("the description of its maps is not as it was written")
            description = _description(header, name)
            tensors = DescribedTensors({tensor: file.read_torch(tensor) for tensor in file})
    except FileProblem as error:
        raise TraceError(
            f"Cannot read the recording {name}: {error.reason}. It is missing or damaged, or no "
            "recording; save it again."
        ) from error
    try:
        return _contents(description, tensors)
    except (FileProblem, ConfigError, ShapeError) as error:
        reason = error.reason if isinstance(error, FileProblem) else str(error).rstrip(".")
        raise TraceError(
            f"The recording {name} is damaged: its description does not fit its tensors "
            f"({visible(reason)}). Save it again."
        ) from error


def _description(header: str, path: str) -> Fields:
    """Return the JSON description in a header, after checking its format."""
    description = Fields(parse_json(header), "the description")
    version = description.integer("format")
    if version not in READABLE_FORMATS:
        readable = " and ".join(map(str, READABLE_FORMATS))
        raise TraceError(
            f"{path} has format {version}, and this version of clearhead reads formats {readable}."
        )
    return description


def _contents(description: Fields, tensors: DescribedTensors) -> Contents:
    contents = Contents(
        visible(description.text("model")), list(map(visible, description.texts("notes")))
    )
    for module in description.objects("modules"):
        name = visible(module.text("name"))
        if name in contents.calls:
            raise FileProblem(f"the module {quoted(name)} is described twice")
        calls = module.objects("calls")
        if not calls:
            raise FileProblem(f"the module {quoted(name)} has no call")
        contents.of_module(name).extend(_call(call, tensors) for call in calls)
    for module in description.objects("outputs") if description.has("outputs") else ():
        name = visible(module.text("name"))
        contents.outputs[name] = [_output(one, tensors) for one in module.objects("calls")]
    return contents


def _output(of: Fields, tensors: DescribedTensors) -> Tensor:
    axes = of.integer("axes", most=_MOST_AXES)
    return tensors.get(of, "tensor", FLOATS, *[None] * axes)


def _call(of: Fields, tensors: DescribedTensors) -> Call:
    if of.has("refused"):
        refusal = of.object("refused")
        return Refusal(visible(refusal.text("why")), visible(refusal.text("kernel")))
    if of.has("summary"):
        return FinishedCall(read_summary(of.object("summary"), tensors))
    return FinishedCall(read_map(of.object("map"), tensors))
