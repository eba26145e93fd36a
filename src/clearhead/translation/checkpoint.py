"""Reading a model's folder with NumPy alone; the bundled models are such folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import CheckpointError, ConfigError
from ..text.tokenizer import Tokenizer
from .engine import FloatArray

FORMAT = 1
FILES = ("config.json", "model.safetensors", "tokenizer.json")
_BUNDLED = Path(__file__).parent.parent / "models"


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was saved.

    Attributes:
        config: its shape.
        weights: its arrays in float32, by the names of ARCHITECTURE.md.
        tokenizer: the way from text to its token ids and back.
        provenance: what it was trained on and how, as its training wrote it.
        folder: where it was read from.
    """

    config: TransformerConfig
    weights: Mapping[str, FloatArray]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None


def bundled_models() -> list[str]:
    """The names of the models that come with the package."""
    if not _BUNDLED.is_dir():
        return []
    return sorted(path.parent.name for path in _BUNDLED.glob("*/config.json"))


def find_model(model: str | Path) -> Path:
    """The folder of a bundled model's name, or of a path.

    Raises:
        CheckpointError: there is neither; the known names are listed.
    """
    folder = Path(model)
    if str(model) in bundled_models():
        return _BUNDLED / str(model)
    if folder.is_dir():
        return folder
    known = ", ".join(bundled_models()) or "none in this installation"
    if folder.exists():
        raise CheckpointError(
            f"{model} is a file. A model is a folder with {', '.join(FILES)}; give the folder."
        )
    raise CheckpointError(
        f"There is no model {str(model)!r}: it is neither a bundled model ({known}) nor a folder."
    )


def read_checkpoint(model: str | Path) -> Checkpoint:
    """Read the model of this name or folder.

    Raises:
        CheckpointError: the model is unknown, or one of its files is missing or damaged.
    """
    folder = find_model(model)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"The model folder {folder} lacks {', '.join(missing)}. "
            f"A model is a folder with {', '.join(FILES)}."
        )
    config, provenance = _read_config(folder / "config.json")
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} ids and the model only "
            f"{config.vocab_size}. The files are not of one model."
        )
    weights = _read_weights(folder / "model.safetensors")
    return Checkpoint(config, weights, tokenizer, provenance, folder)


def _read_config(path: Path) -> tuple[TransformerConfig, dict[str, Any]]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise CheckpointError(
            f'{path} must hold an object with "format", "model" and "provenance"; '
            f'it has no "model".'
        )
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {content.get('format')!r}; this version of clearhead reads "
            f"format {FORMAT}. A newer version may read it."
        )
    try:
        config = TransformerConfig.from_dict(content["model"])
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    return config, content.get("provenance") or {}


def _read_weights(path: Path) -> dict[str, FloatArray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"Cannot read the weights {path}: {error}. The file is damaged or was not copied "
            f"whole, or holds another number type than float32 and float16."
        ) from error
    weights: dict[str, FloatArray] = {}
    for name, array in stored.items():
        if array.dtype not in (np.float16, np.float32):
            raise CheckpointError(
                f"{path}: {name} is of type {array.dtype}; weights are float32 or float16."
            )
        weights[name] = array.astype(np.float32, copy=False)
        if not np.isfinite(weights[name]).all():
            raise CheckpointError(f"{path}: {name} holds values that are not finite numbers.")
    return weights
