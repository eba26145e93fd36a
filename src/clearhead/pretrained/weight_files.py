"""The files with a model's weights: model.safetensors, or several parts with an index."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ..errors import CheckpointError
from ..file_reading import FileProblem, open_file, read_json
from ..json_fields import Fields
from ..tensor_file import TensorFile
from ..tensor_header import Tensor
from ..visible import quoted, visible

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_MOST_INDEX = 64 << 20  # bytes of an index
_MOST_NAMES = 8
_POINTER = b"version https://git-lfs"
# File patterns of other formats -> what they are.
_OTHERS = {
    "pytorch_model.bin": "PyTorch's pickles, which can run any program when they are opened",
    "pytorch_model.bin.index.json": "PyTorch's pickles, which can run any program when opened",
    "tf_model.h5": "a file of TensorFlow",
    "flax_model.msgpack": "a file of Flax",
    "*.gguf": "a file of llama.cpp",
    "adapter_model.safetensors": "an adapter (LoRA), without the model that it changes",
    "*.bin": "PyTorch's pickles, which can run any program when they are opened",
    "*.pth": "PyTorch's pickles, which can run any program when they are opened",
}
_FROM = {"tf_model.h5": ", from_tf=True", "flax_model.msgpack": ", from_flax=True"}


@dataclass(frozen=True)
class WeightFiles:
    """The open files of one model.

    Attributes:
        files: the open files, by name.
        places: the name of the file that holds each tensor, by the tensor's name.
    """

    files: dict[str, TensorFile]
    places: dict[str, str]

    def file(self, name: str) -> TensorFile:
        """Return the file that holds a tensor."""
        return self.files[self.places[name]]

    def tensor(self, name: str) -> Tensor:
        """Return the header's entry for a tensor."""
        return self.file(name).tensors[name]


@contextlib.contextmanager
def open_weights(folder: Path) -> Iterator[WeightFiles]:
    """Open the weight files of a folder; views of their tensors stay valid after closing.

    Raises:
        CheckpointError: there are no files, one is missing or damaged, the index does not fit them,
            or their format is not supported; then the message says how to convert them.
    """
    with ExitStack() as stack:
        if _present(folder / WHOLE):
            names, index = [WHOLE], None
        elif _present(folder / INDEX):
            index = _read_index(folder)
            names = sorted(set(index.values()))
        else:
            _refuse(folder)
        files = {}
        for name in names:
            files[name] = stack.enter_context(_open_part(folder, name))
        yield WeightFiles(files, _places(folder, files, index))


def _present(path: Path) -> bool:
    return path.exists() or path.is_symlink()  # a broken link is an interrupted download


def _open_part(folder: Path, name: str) -> TensorFile:
    path = folder / name
    try:
        return TensorFile(path)
    except FileProblem as error:
        raise CheckpointError(_how_to_get(path, error)) from error


def _how_to_get(path: Path, error: FileProblem) -> str:
    if error.missing:
        return (
            f"The weights {path} are missing: the model was not fetched whole. Fetch it again "
            f"(hf download ORG/NAME), or copy that file into the folder."
        )
    if _is_pointer(path):
        return (
            f"{path} is not the weights, but a note of Git LFS that stands in their place. Run "
            f"`git lfs pull` in {path.parent}, or fetch the file itself."
        )
    return (
        f"Cannot read the weights {path}: {error.reason}. The file is damaged or was not copied "
        f"whole: get it again."
    )


def _is_pointer(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return file.read(len(_POINTER)) == _POINTER
    except (FileProblem, OSError):
        return False


def _read_index(folder: Path) -> dict[str, str]:
    """Return, for the name of every tensor, the name of the part that holds it."""
    path = folder / INDEX
    try:
        places = Fields(read_json(path, most=_MOST_INDEX), "the index").object("weight_map")
        index = {name: places.text(name) for name in places.names()}
        for name, part in index.items():
            # Only the name of a file in the same folder is accepted.
            if Path(part).name != part or "\\" in part or not part.endswith(".safetensors"):
                raise FileProblem(
                    f"it places {quoted(name)} in {quoted(part)}, which is no safetensors file "
                    f"of this folder"
                )
        if not index:
            raise FileProblem("it names no tensor")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the index of the weights {path}: {error.reason}. Get the model's "
            f"folder again."
        ) from error
    return index


def _places(
    folder: Path, files: dict[str, TensorFile], index: dict[str, str] | None
) -> dict[str, str]:
    """Return the file of each tensor, after comparing the files with the index."""
    places: dict[str, str] = {}
    for part, file in files.items():
        for name in file:
            if name in places:
                raise CheckpointError(
                    f"{folder}: {visible(places[name])} and {visible(part)} both hold the tensor "
                    f"{quoted(name)}. The parts are not of one model: get its folder again."
                )
            places[name] = part
    for name, part in (index or {}).items():
        if places.get(name) != part:
            raise CheckpointError(
                f"{folder}: {INDEX} places the tensor {quoted(name)} in {visible(part)}, which "
                f"does not hold it. The files are not of one model: get its folder again."
            )
    return places


def _refuse(folder: Path) -> NoReturn:
    parts = sorted(path.name for path in folder.glob("*-of-*.safetensors"))
    if parts:
        raise CheckpointError(
            f"The folder {folder} has parts of weights ({visible(parts[0])}) and no {INDEX}, "
            f"which says what is in them. Get it from where the parts came from."
        )
    for pattern, what in _OTHERS.items():
        for path in sorted(folder.glob(pattern)):
            raise CheckpointError(_conversion(folder, path.name, pattern, what))
    raise CheckpointError(
        f"The folder {folder} has no weights: there is no {WHOLE} and no {INDEX}. Save the model "
        f"there with save_pretrained of transformers, or fetch it whole."
    )


def _conversion(folder: Path, name: str, pattern: str, what: str) -> str:
    begin = f"The weights in {folder} are {visible(name)}: {what}. Read here is {WHOLE}. "
    if pattern == "adapter_model.safetensors":
        return begin + "Merge it into its model with peft's merge_and_unload(), and save that."
    if pattern == "*.gguf":
        return begin + "Get the model in the form of transformers, from which GGUF files are made."
    name = _class_of(folder)
    load = f"{name}.from_pretrained({str(folder)!r}{_FROM.get(pattern, '')})"
    with_old = " 4 (5 reads no such files)" if pattern in _FROM else ""
    return begin + (
        f"If you trust whoever made them, convert them with transformers{with_old}: python -c "
        f'"from transformers import {name}; {load}.save_pretrained({str(folder)!r}, '
        'safe_serialization=True)"'
    )


def _class_of(folder: Path) -> str:
    """Return the class that config.json names, which has the head of the weights."""
    try:
        name = Fields(read_json(folder / "config.json"), "the file").texts("architectures")[0]
    except (FileProblem, IndexError):
        return "AutoModel"
    return name if re.fullmatch(r"[A-Za-z]\w{0,60}", name, re.ASCII) else "AutoModel"
