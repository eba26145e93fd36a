"""Any model by its name or folder, as one object that knows what it can do."""

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
        model: the name of a bundled model, a folder of ours or one that transformers saved, or the
            ``org/name`` of a model on the hub (``org/name@revision`` for another state of it).
        dtype: what computes: ``float32``, or ``float64`` to judge others by.
        task: what a model of someone else's is to do with a text, where it has several tasks,
            such as ``en-fr``; see `clearhead.translation.task`.

    Returns:
        the model; ``model.tasks`` says what it can do. One that reads images is a
        `clearhead.tasks.images.model.ImageModel`.

    Raises:
        CheckpointError: there is no such model, it is of a family that is not read, or its files
            are damaged; what to do is said.
        ConfigError: the model does not know the task.
        MissingExtraError: an extra is needed to fetch it, or for its tokenizer.
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
        model.require("translate")  # the one task that has others to name
    return model
