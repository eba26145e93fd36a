"""``checksums.json`` beside the weights of a model whose file states none of its own.

A model that this version writes has its checksums in its file (see `tensor_header`). The bundled
models were written before, and their weights stay as they are: what their files would state
stands beside them, and is held against them just so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..file_reading import FileProblem, parse_json, read_bytes, read_json
from ..files import write_whole
from ..json_fields import Fields, canonical_json, with_checksum
from ..tensor_file import TensorFile
from ..tensor_header import CHECKSUMS, Checksums, checksum_metadata

NAME = "checksums.json"
_STATEMENTS = ("languages", "registers", "labels")


def statements_json(description: dict[str, Any]) -> bytes:
    """Return what a config.json says of its model to users, of which the weights state a checksum.

    Where it comes from is none of it: how long a training took differs, and the bytes of the
    weights must not.
    """
    return canonical_json({name: description[name] for name in _STATEMENTS if name in description})


def open_weights(path: Path) -> TensorFile:
    """Open the weights of a model; where they state no checksums, those beside them are held.

    Raises:
        FileProblem: the file, or what stands beside it, cannot be read.
    """
    file = TensorFile(path)
    if CHECKSUMS in file.metadata:
        return file
    try:
        file.checksums = _checksums_beside(path)
    except BaseException:
        file.close()
        raise
    return file


def _checksums_beside(path: Path) -> Checksums:
    try:
        content = Fields(read_json(path.with_name(NAME)), "the file")
        content.check_sum()
        return Checksums({CHECKSUMS: json.dumps(content.members())})
    except FileProblem as error:
        if error.missing:
            return Checksums({})
        raise FileProblem(f"{NAME} beside it: {error.reason}", path) from error


def write_checksums(folder: str | Path) -> Path:
    """Write checksums of a model's files beside them, where its weights state none.

    Returns:
        the file.

    Raises:
        CheckpointError: a file cannot be read, or the weights have checksums of their own.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    try:
        description = Fields(read_json(folder / "config.json"), "config.json").members()
        tokenizer = read_bytes(folder / "tokenizer.json", most=1 << 28)
        with TensorFile(folder / "model.safetensors") as file:
            if CHECKSUMS in file.metadata:
                raise CheckpointError(
                    f"{folder} needs no {NAME}: its model.safetensors has checksums itself."
                )
            metadata = checksum_metadata(
                {name: file.raw(name) for name in file},
                config=canonical_json(description.get("model")),
                tokenizer=tokenizer,
                statements=statements_json(description),
                provenance=canonical_json(description.get("provenance", {})),
            )
    except FileProblem as error:
        raise CheckpointError(f"There are no checksums for {folder}: {error}") from error
    content = with_checksum(parse_json(metadata[CHECKSUMS]))
    write_whole(folder / NAME, json.dumps(content, indent=1) + "\n")
    return folder / NAME
