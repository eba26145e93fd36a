"""Reading a model of someone else's by its folder or its name, with NumPy alone."""

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

    Weights that lie in the files in the dtype that computes are mapped: a model of a gigabyte
    opens at once, and only one copy of it is held. See `TensorFile.view` for files that change
    while they are mapped.

    Args:
        model: a folder, or the ``org/name`` of a model on the hub, ``org/name@revision`` for
            another than its newest state.
        dtype: ``float32``, or ``float64`` to judge others by.

    Raises:
        CheckpointError: there is no such model, it is of a family or a format that is not read
            here, or its files are damaged or not of one model. What to do is said.
        MissingExtraError: fetching needs a package that is not installed.
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
