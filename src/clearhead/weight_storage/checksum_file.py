"""``checksums.json``: the checksums of a model whose weight file contains none.

A model that this version writes has its checksums in its weight file (see `tensor_header`). The
bundled models are older, and their weight files stay as they are; their checksums are in this file
beside them, and are checked in the same way.
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
    """Return the part of a config.json that describes the model to users; it has a checksum.

    The provenance is left out: it contains, for instance, the duration of a training, which varies
    between runs that must give the same bytes of weights.
    """
    return canonical_json({name: description[name] for name in _STATEMENTS if name in description})


def open_weights(path: Path) -> TensorFile:
    """Open the weights of a model, with checksums from the file beside them if they have none.

    Raises:
        FileProblem: the file, or the file of checksums, cannot be read.
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
    """Write the checksums of a model's files beside them, if its weight file has none.

    Returns:
        the path of the file.

    Raises:
        CheckpointError: a file cannot be read, or the weight file has checksums of its own.
        OSError: the file cannot be written.
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
