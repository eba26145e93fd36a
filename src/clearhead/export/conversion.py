"""Converts a model of ours to another storage: float32, float16, or 8 bits with row scales."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..json_fields import canonical_json, with_checksum
from ..tensor_header import checksum_metadata
from ..translation.checkpoint import Checkpoint
from ..weight_storage.checksum_file import statements_json
from ..weight_storage.weight_file import store
from .model_folder import new_folder, write_arrays, write_json


class Conversion(NamedTuple):
    """The result of converting a model's weights.

    Attributes:
        storage: how the weights are stored now.
        bytes_before, bytes_after: sizes of the weight files; before is 0 for weights without a
            folder.
        facts: the facts about the storage that `store` returns.
    """

    storage: str
    bytes_before: int
    bytes_after: int
    facts: Mapping[str, Any]

    def __str__(self) -> str:
        """Return a sentence on the sizes, and one on the largest error if weights are in 8 bits."""
        share = (
            f", {self.bytes_after / self.bytes_before:.0%} of {self.bytes_before:,} before"
            if self.bytes_before
            else ""
        )
        size = f"weights in {self.storage}: {self.bytes_after:,} bytes{share}"
        if "largest_row_error" not in self.facts:
            return size
        return (
            f"{size}; the largest error of a row is {self.facts['largest_row_error']:.2%} of the "
            f"row's length ({self.facts['row'] or 'none'})"
        )


def convert(checkpoint: Checkpoint, folder: str | Path, storage: str) -> Conversion:
    """Write a model to a new folder of ours, with weights in float32, float16 or int8.

    The folder has the model's provenance with the new storage. If the weights had another storage
    earlier, the provenance keeps that as ``before``.

    Raises:
        ConfigError: the folder is not empty, or a weight is too large for float16.
    """
    content = store(checkpoint.weights, storage)
    provenance = dict(checkpoint.provenance)
    earlier = provenance.pop("storage", None)
    facts = dict(content.facts) | ({} if earlier is None else {"before": earlier})
    description = {
        "format": content.format,
        **checkpoint.statements(),
        "model": checkpoint.config.to_dict(),
        "provenance": provenance | ({"storage": facts} if facts else {}),
    }
    with new_folder(Path(folder)) as draft:
        write_json(draft / "config.json", with_checksum(description))
        checkpoint.tokenizer.save(draft / "tokenizer.json")
        metadata = checksum_metadata(
            content.tensors,
            config=canonical_json(description["model"]),
            tokenizer=(draft / "tokenizer.json").read_bytes(),
            statements=statements_json(description),
        )
        write_arrays(draft / "model.safetensors", content.tensors, metadata)
    return Conversion(
        storage, _size_of_weights(checkpoint.folder), _size_of_weights(Path(folder)), content.facts
    )


def _size_of_weights(folder: Path | None) -> int:
    """Return the bytes of the weights in a folder."""
    if folder is None:
        return 0
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
