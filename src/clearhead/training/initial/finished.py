"""Writes a finished model in the format of its initial model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ...file_reading import read_json
from ...pretrained.writing import PROVENANCE, write_pretrained
from ..run_folder._model_folder import model_draft
from .origin import Origin


def export_origin(
    folder: Path,
    weights: Mapping[str, Tensor],
    origin: Origin,
    provenance: Mapping[str, Any],
    *,
    storage: str,
    statements: Mapping[str, Any] | None = None,
) -> None:
    """Write a model in the transformers format of its initial model, with its tokenizer.

    The folder is complete or absent.

    Args:
        folder: to write to.
        weights: by their names in the model's state dict.
        origin: the initial model.
        provenance: origin of the weights: data and their hashes, steps, versions.
        storage: of the weights, ``float32`` or ``float16``.
        statements: the run's description of its model, such as its languages.

    Raises:
        CheckpointError: the initial model's folder has changed.
        ConfigError: a weight is too large for float16.
    """
    model = origin.pretrained
    assert model is not None
    arrays = {name: value.float().cpu().numpy() for name, value in weights.items()}
    description = {**(statements or {}), "provenance": dict(provenance)}
    with model_draft(folder) as draft:
        write_pretrained(draft, model, arrays, storage=storage)
        _name_languages(draft, origin)
        text = json.dumps(description, indent=2, ensure_ascii=False)
        (draft / PROVENANCE).write_text(text, encoding="utf-8")


def _name_languages(draft: Path, origin: Origin) -> None:
    """Write the trained languages into the draft's files, so that users need not name them."""
    model, asking = origin.pretrained, origin.asking
    if model is None or asking is None or asking.target_language is None:
        return
    languages = {"src_lang": asking.source_language, "tgt_lang": asking.target_language}
    _change(draft / "tokenizer_config.json", languages)
    first = asking.settings.forced_bos_token_id
    _change(draft / "generation_config.json", {"forced_bos_token_id": first}, model.generation)


def _change(
    path: Path, members: Mapping[str, Any], otherwise: Mapping[str, Any] | None = None
) -> None:
    """Change members of a JSON file; if it is missing, create it from ``otherwise``."""
    content = read_json(path) if path.exists() else dict(otherwise or {})
    path.write_text(json.dumps({**content, **members}, indent=2, ensure_ascii=False), "utf-8")
