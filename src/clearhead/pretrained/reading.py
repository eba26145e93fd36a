"""Reads a model of someone else's by its folder or its name, with NumPy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .config_file import generation_fields, read_config, read_settings
from .fetching import find_folder
from .model import PretrainedModel
from .tokenizers.reading import read_tokenizer
from .weight_files import open_weights
from .weights import fit_config, float_type, read_weights, tensors_of


def read_pretrained(model: str | Path, *, dtype: Any = "float32") -> PretrainedModel:
    """Read a model that transformers saved.

    Weights that are stored in the dtype of the computation are mapped, not copied: a model of a
    gigabyte opens at once, and only one copy of it exists. `TensorFile.view` says what happens if a
    file changes while it is mapped.

    Args:
        model: a folder, or the ``org/name`` of a model on the hub, or ``org/name@revision`` for a
            certain revision.
        dtype: ``float32``, or ``float64`` as a reference for others.

    Raises:
        CheckpointError: the model does not exist, its family or format is not supported, or its
            files are damaged or belong to different models. The message says what to do.
        MissingExtraError: downloading needs a package that is not installed.
    """
    float_dtype = float_type(dtype)
    folder = find_folder(model)
    settings = read_settings(folder)
    family, config = read_config(folder, settings)
    generation = generation_fields(folder, settings)
    with open_weights(folder) as files:
        tensors = tensors_of(folder, files, family)
        config = fit_config(family, config, tensors)
        weights = read_weights(family, config, tensors, float_dtype, settings)
        tasks = family.tasks(tensors.shapes)
        if config.output.labels:
            tasks = tasks - {"fill_mask"} | {"classify"}
    tokenizer, reason = None, f"{folder} is of a model that reads images, which has no tokenizer."
    if not config.reads_images:
        tokenizer, reason = read_tokenizer(folder, settings, config)
    return PretrainedModel(
        family=family,
        config=config,
        weights=weights,
        tokenizer=tokenizer,
        no_tokenizer=reason,
        generation=generation,
        settings=settings,
        tasks=tasks,
        folder=folder,
    )
