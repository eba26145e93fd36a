"""Writes the finished model of a run: the checkpoint folder that other commands read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file as save_arrays
from torch import Tensor

from ...files import write_with_usual_mode
from ...json_fields import canonical_json, with_checksum
from ...tensor_header import checksum_metadata
from ...weight_storage.checksum_file import statements_json
from ...weight_storage.weight_file import store
from ._model_folder import model_draft


def export_model(
    folder: Path,
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    tokenizer_json: str,
    provenance: Mapping[str, Any],
    *,
    storage: str = "float32",
    statements: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint folder, which translation, tracing and other commands read.

    The folder is complete or absent. The model files that were there before are replaced; all other
    files and folders in it stay.

    Args:
        folder: to write to.
        weights: by their names in the model's state dict.
        config: `TransformerConfig.to_dict`.
        tokenizer_json: `Tokenizer.to_json`.
        provenance: origin of the weights: data and their hashes, steps, versions.
        storage: of the weights: ``float32``, ``float16`` (half the size) or ``int8`` (a quarter of
            the size). Facts about the rounding are added to the provenance.
        statements: other members of config.json, such as languages and registers.

    Raises:
        ConfigError: a weight is too large for float16.
    """
    content = store({name: value.float().numpy() for name, value in weights.items()}, storage)
    facts = {"storage": dict(content.facts)} if content.facts else {}
    description = {
        "format": content.format,
        **(statements or {}),
        "model": dict(config),
        "provenance": {**provenance, **facts},
    }
    with model_draft(folder) as draft:
        metadata = checksum_metadata(
            content.tensors,
            config=canonical_json(dict(config)),
            tokenizer=tokenizer_json.encode(),
            statements=statements_json(description),
        )
        write_with_usual_mode(
            draft / "model.safetensors",
            lambda path: save_arrays(dict(content.tensors), path, metadata),
        )
        (draft / "config.json").write_text(
            json.dumps(with_checksum(description), indent=2, ensure_ascii=False), encoding="utf-8"
        )
        (draft / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
