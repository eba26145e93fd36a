"""The end of a run: the mean of its last checkpoints, with its provenance."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...config import TransformerConfig
from ...files import write_whole
from ...text.tags import REGISTERS
from ...weight_storage.weight_file import store
from ..checkpoint import average_weights, states
from ..data import TrainingData
from ..initial.finished import export_origin
from ..settings import Settings
from .export import export_model
from .progress import FIRST, Progress


def export_average(
    folder: Path,
    states: Sequence[Path],
    config: TransformerConfig,
    data: TrainingData,
    provenance: Mapping[str, Any],
    *,
    storage: str,
    statements: Mapping[str, Any] | None = None,
) -> None:
    """Write the mean of several states' weights as a checkpoint folder.

    The mean is computed in float64 before it is stored, so int8 storage rounds only once.
    """
    weights = average_weights(state / "model.safetensors" for state in states)
    _export(folder, weights, config, data, provenance, storage, statements)


def _export(
    folder: Path,
    weights: Mapping[str, Tensor],
    config: TransformerConfig,
    data: TrainingData,
    provenance: Mapping[str, Any],
    storage: str,
    statements: Mapping[str, Any] | None,
) -> None:
    """Write a model in the format of the initial model, or in Clearhead's."""
    origin = data.origin
    if origin is not None and origin.pretrained is not None:
        export_origin(folder, weights, origin, provenance, storage=storage, statements=statements)
        return
    export_model(
        folder,
        weights,
        config.to_dict(),
        data.own_tokenizer.to_json(),
        provenance,
        storage=storage,
        statements=statements,
    )


def export_best(
    folder: Path,
    weights: Mapping[str, Tensor],
    config: TransformerConfig,
    data: TrainingData,
    provenance: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    storage: str,
    statements: Mapping[str, Any],
) -> None:
    """Write the current model as a checkpoint folder.

    Args:
        folder: to write to.
        weights: of the model.
        config, data, provenance, storage, statements: as in `export_average`.
        facts: the measure by which the model is the best, its value, and the step.
    """
    tensors = {name: value.detach().cpu() for name, value in weights.items()}
    facts_too = {**provenance, "best": dict(facts)}
    _export(folder, tensors, config, data, facts_too, storage, statements)


def averaged_states(run: Path, count: int) -> list[Path]:
    """Return the last ``count`` states of a run, without the state before the first step."""
    return [state for state in states(run) if state.name != FIRST][-count:]


def write_config(
    run: Path, config: TransformerConfig, settings: Settings, data: TrainingData
) -> None:
    """Write a run's config.json, so that each of its checkpoints can be read as a model.

    It has the members of a finished model's config.json, except for facts known only at the end of
    the run. A run that began from a model in another format gets none: its tokenizer is not in
    Clearhead's format, so its checkpoints cannot be read as models.
    """
    if data.origin is not None and data.origin.pretrained is not None:
        return
    description = {
        "format": store({}, "float32").format,
        **statements(settings, data),
        "model": config.to_dict(),
        "provenance": {"clearhead": installed_version(), "settings": settings.to_dict()},
    }
    write_whole(run / "config.json", json.dumps(description, indent=2, ensure_ascii=False))


def statements(settings: Settings, data: TrainingData) -> dict[str, Any]:
    """Return the description in a finished model's config.json: languages, registers, labels."""
    content: dict[str, Any] = {}
    languages = {"source": settings.data.source_language, "target": settings.data.target_language}
    if all(languages.values()):
        content["languages"] = languages
    counts = Counter[str]()
    for facts in data.facts.get("corpora", []):
        counts.update(facts.get("tags") or {})
    registers = [name for name in REGISTERS if counts[name]]
    if registers:
        content["registers"] = registers
    if data.labels:
        content["labels"] = list(data.labels)
    return content


def provenance(
    settings: Settings,
    data: TrainingData,
    progress: Progress,
    *,
    averaged: Sequence[Path],
    processes: int,
) -> dict[str, Any]:
    """Return the provenance of a finished model, for its config.json."""
    return {
        "clearhead": installed_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "processor": platform.processor() or platform.machine(),
        "settings": settings.to_dict(),
        **data.facts,
        "steps": progress.step,
        "epochs": progress.epoch,
        "target_tokens": progress.target_tokens,
        "training_seconds": round(progress.seconds),
        "processes": processes,
        "precision": progress.precision,
        "learning_rates": progress.rates,
        "averaged": [path.name for path in averaged],
    }


def installed_version() -> str:
    """Return the version of this package, or ``unknown`` if it is not installed."""
    try:
        return version("clearhead")
    except PackageNotFoundError:
        return "unknown"
