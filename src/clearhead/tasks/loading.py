"""Loads any model by name or folder, as one object with the model's tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..pretrained.model import PretrainedModel
from ..pretrained.reading import read_pretrained
from ..pretrained.weights import float_type
from ..translation.checkpoint import is_pretrained, read_checkpoint
from .images.model import ImageModel
from .model import Model


def load(model: str | Path = "en-fr", *, dtype: Any = "float32", task: str | None = None) -> Model:
    """Load a model of ours, or of someone else's.

    Args:
        model: the name of a bundled model, a folder of ours or of transformers, or the ``org/name``
            of a model on the hub (``org/name@revision`` for a certain revision).
        dtype: the dtype to compute in: ``float32``, or ``float64`` as a reference for others.
        task: the task of someone else's model, if its files define several for texts, such as
            ``en-fr``; see `clearhead.translation.task`.

    Returns:
        the model; ``model.tasks`` lists its tasks. A model that reads images is a
        `clearhead.tasks.images.model.ImageModel`.

    Raises:
        CheckpointError: the model does not exist, its family is not supported, or its files are
            damaged; the message says what to do.
        ConfigError: the model does not have the task.
        MissingExtraError: downloading the model, or its tokenizer, needs an extra.
    """
    name = Path(model).name if Path(model).is_dir() else str(model)
    dtype = float_type(dtype)
    if is_pretrained(model):
        source = read_pretrained(model, dtype=dtype)
        if source.config.reads_images:
            return _image_model(source, name, dtype, task)
        return Model(source, name=name, dtype=dtype, task=task)
    return Model(read_checkpoint(model), name=name, dtype=dtype, task=task)


def _image_model(source: PretrainedModel, name: str, dtype: Any, task: str | None) -> ImageModel:
    model = ImageModel(source, name=name, dtype=dtype)
    if task is not None:
        model.require("translate")  # the only task with named variants
    return model
