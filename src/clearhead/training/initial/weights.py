"""Reads an initial model in Clearhead's format: floats or int8, with as many layers or fewer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from ...config import TransformerConfig
from ...errors import CheckpointError, ConfigError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields
from ...nn.transformer import Transformer
from ...weight_storage.checksum_file import open_weights
from ...weight_storage.weight_file import read_format, read_weights, weight_shapes
from ..checkpoint import fit_weights
from ..run_folder.progress import damaged
from .growth import Array, grow, growth_sentences


def read_initial_config(folder: Path) -> tuple[TransformerConfig, int]:
    """Return the config of a model's folder, and the folder's format.

    Raises:
        CheckpointError: config.json cannot be read, or its format or model is not known.
    """
    path = folder / "config.json"
    try:
        content = Fields(read_json(path), "the file")
        config = content.mapping("model")
        number = read_format(content)
        return TransformerConfig.from_dict(config), number
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. A model is a folder with config.json, "
            f"model.safetensors and tokenizer.json. Give another folder."
        ) from error
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error


def load_initial(folder: Path, model: Transformer) -> list[str]:
    """Load the weights of a folder into a model; layers that the folder lacks begin without effect.

    Args:
        folder: of a finished model whose config `growth.check_growth` accepts.
        model: to load them into; a model on the meta device is only checked against the weights.

    Returns:
        A sentence for each grown stack.

    Raises:
        CheckpointError: a file is missing or damaged, or the weights do not fit the model.
    """
    before, number = read_initial_config(folder)
    path = folder / "model.safetensors"
    try:
        with open_weights(path) as file:
            weights = read_weights(file, weight_shapes(file, number))
    except FileProblem as error:
        raise CheckpointError(damaged(path, error.reason)) from error
    sentences = growth_sentences(before, model.config)
    if sentences:  # growing must not drop layers that their own config lacks
        with torch.device("meta"):
            fit_weights(path, tensors_of(weights), Transformer(before))
        weights = grow(weights, before, model.config)
    fit_weights(path, tensors_of(weights), model)
    return sentences


def tensors_of(weights: Mapping[str, Array]) -> dict[str, torch.Tensor]:
    """Return arrays as tensors; read-only arrays, such as memory-mapped ones, are copied."""
    return {
        name: torch.from_numpy(array if array.flags.writeable else array.copy())
        for name, array in weights.items()
    }
