"""Writes someone else's model with changed weights, in the layout that it was read from.

Trained weights go back to the places from which they were read, so transformers and other readers
of the family can open the new folder like the original. All other files are copied.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..file_reading import parse_json
from ..files import write_with_usual_mode
from ..shapes import Array
from ..tensor_header import checksum_metadata
from ..weight_storage.weight_file import store
from .family import StoredWeight
from .fetching import FILES
from .model import PretrainedModel
from .weight_files import WHOLE, WeightFiles, open_weights
from .weights import Tensors, by_tensor, tensors_of, weight_places

STORAGES = ("float32", "float16")
"""The storages that transformers can read too."""

PROVENANCE = "clearhead.json"
"""The name of the provenance file, beside the files that transformers reads."""
BESIDE = (*FILES, "chat_template.jinja", "chat_template.json", "LICENSE*", "NOTICE*")
"""Patterns of the files of a model's folder; those in `_OWN_FILES` are not copied."""
_OWN_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")


def write_pretrained(
    folder: Path,
    source: PretrainedModel,
    weights: Mapping[str, Array],
    *,
    storage: str = "float32",
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write a model with changed weights into an empty folder.

    Args:
        folder: the folder to write to.
        source: the model; its own folder is read once more.
        weights: all of its weights, by the names of docs/formats.md.
        storage: one of `STORAGES`.
        settings: members of config.json that differ from the source's.

    Raises:
        CheckpointError: the source's folder has changed since it was read.
        ConfigError: a number is too large for the storage.
    """
    check_storage(storage)
    tensors = trained_tensors(source, weights)
    floats = {name: array for name, array in tensors.items() if array.dtype.kind == "f"}
    tensors |= store(floats, storage).tensors
    metadata = {"format": "pt", **checksum_metadata(tensors)}
    write_with_usual_mode(folder / WHOLE, lambda path: _save(tensors, path, metadata))
    copy_files_beside(source.folder, folder)
    members = {**source.settings, **(settings or {}), "dtype": storage}
    members.pop("torch_dtype", None)  # the older name of the member dtype
    text = json.dumps(members, indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")


def _save(tensors: dict[str, Array], path: Path, metadata: dict[str, str]) -> None:
    """Write a file whose bytes depend only on the tensors.

    The library writes the metadata's texts in any order; here they are sorted.
    """
    from safetensors.numpy import save_file

    save_file(tensors, path, metadata)
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = parse_json(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(8)
        file.write(text.ljust(length))


def check_storage(storage: str) -> None:
    """Refuse a storage that other programs cannot read.

    Raises:
        ConfigError: it is not one of `STORAGES`.
    """
    if storage not in STORAGES:
        raise ConfigError(
            f"A model of transformers is written in {' or '.join(STORAGES)}, and {storage!r} is a "
            f"storage of clearhead's own models alone. Name one of these."
        )


def files_beside(folder: Path) -> list[Path]:
    """Return the files of a model other than its config.json and its weights."""
    return [
        path
        for pattern in BESIDE
        for path in sorted(folder.glob(pattern))
        if not any(fnmatchcase(str(path.relative_to(folder)), own) for own in _OWN_FILES)
    ]


def copy_files_beside(source: Path, target: Path) -> None:
    """Copy the tokenizer's files, and all others of a model except config.json and weights."""
    for path in files_beside(source):
        place = target / path.relative_to(source)
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, place)


def trained_tensors(source: PretrainedModel, weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return the tensors of a model's files, with changed weights.

    A tensor that is not used here is unchanged; a copy of a weight changes with that weight.

    Args:
        source: the model.
        weights: all weights of its config, by the names of docs/formats.md.
    """
    family, config = source.family, source.config
    with open_weights(source.folder) as files:
        tensors = tensors_of(source.folder, files, family)
        places = weight_places(family, config, tensors, source.settings)
        if config.output.labels:
            return _with_label_head(source, files, tensors, places, weights)
        content = _written_back(files, tensors, places, weights)
        for short, name in tensors.names.items():
            if short not in by_tensor(places):
                content[name] = _unused(files, tensors, short, content)
    return {name: np.ascontiguousarray(content[name]) for name in tensors.names.values()}


def _with_label_head(
    source: PretrainedModel,
    files: WeightFiles,
    tensors: Tensors,
    places: Mapping[str, StoredWeight],
    weights: Mapping[str, Array],
) -> dict[str, Array]:
    """Return the tensors of a text classifier, whose original files may lack its head.

    Tensors of another head are left out, because the encoder no longer fits them.
    """
    head, prefix = source.family.label_head, source.family.prefixes[0]
    assert head is not None
    there = {
        name: place
        for name, place in places.items()
        if place.name in tensors.names and not name.startswith("output")
    }
    short_names = {long: short for short, long in tensors.names.items()}
    content = {
        short_names[name]: array
        for name, array in _written_back(files, tensors, there, weights).items()
    }
    for name, place in places.items():
        if name not in there:
            content[place.name] = np.asarray(weights[name], np.float32)
    return {
        short if short.startswith(head.apart) else f"{prefix}{short}": np.ascontiguousarray(array)
        for short, array in content.items()
    }


def _written_back(
    files: WeightFiles,
    tensors: Tensors,
    places: Mapping[str, StoredWeight],
    weights: Mapping[str, Array],
) -> dict[str, Array]:
    content = {}
    for short, parts in by_tensor(places).items():
        name = tensors.names[short]
        array = _read(files, name)
        for weight_name, place in parts.items():
            write_back(array, place, np.asarray(weights[weight_name], array.dtype))
        content[name] = array
    return content


def _read(files: WeightFiles, name: str) -> Array:
    return np.array(files.file(name).read_as(name, np.dtype(np.float32)))


def _unused(
    files: WeightFiles, tensors: Tensors, short: str, content: Mapping[str, Array]
) -> Array:
    """Return a tensor that no weight is read from; a copy of a weight gets the trained values."""
    name = tensors.names[short]
    kind = files.tensor(name).dtype
    if kind not in ("float16", "bfloat16", "float32", "float64"):
        return np.array(files.file(name).view(name))
    before = _read(files, name)
    for other, array in content.items():
        if array.shape == before.shape and np.array_equal(_read(files, other), before):
            return array
    return before


def write_back(array: Array, place: StoredWeight, weight: Array) -> None:
    """Write a weight into the tensor that it is read from, in place.

    Args:
        array: the whole tensor, contiguous.
        place: the weight's place in it, and the change applied on reading.
        weight: its new value.
    """
    numbers = np.arange(array.size).reshape(array.shape)
    if place.transposed:
        numbers = numbers.T
    if place.rows is not None:
        numbers = numbers[place.rows]
    if place.restore is not None:
        weight = place.restore(weight)
    elif place.change is not None:  # it only moves numbers, here their indices
        numbers = place.change(numbers)
        assert numbers.dtype == np.arange(0).dtype, place
    array.reshape(-1)[numbers] = weight.reshape(numbers.shape)
