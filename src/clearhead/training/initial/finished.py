"""A finished model that began from someone else's, in the folder's own format."""

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
    """Write a model as transformers saved the one that it began from, with its tokenizer.

    The folder is complete or absent.

    Args:
        folder: where to.
        weights: by name, as in the model's state dict.
        origin: what the run began from.
        provenance: where the weights come from: data and their hashes, steps, versions.
        storage: how the weights are written, ``float32`` or ``float16``.
        statements: what the run says of its model.

    Raises:
        CheckpointError: the folder of the origin is no longer what it was.
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
    """Let the files say from which language to which the model was trained, so nobody need say."""
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
    """Change members of a JSON file; where there is none, it is made of ``otherwise``."""
    content = read_json(path) if path.exists() else dict(otherwise or {})
    path.write_text(json.dumps({**content, **members}, indent=2, ensure_ascii=False), "utf-8")
