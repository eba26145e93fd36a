"""Any model by its name or folder, as one object that knows what it can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..pretrained.reading import read_pretrained
from ..translation.checkpoint import is_pretrained, read_checkpoint
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
        the model; ``model.tasks`` says what it can do.

    Raises:
        CheckpointError: there is no such model, it is of a family that is not read, or its files
            are damaged; what to do is said.
        ConfigError: the model does not know the task.
        MissingExtraError: an extra is needed to fetch it, or for its tokenizer.
    """
    name = Path(model).name if Path(model).is_dir() else str(model)
    if is_pretrained(model):
        return Model(read_pretrained(model, dtype=dtype), name=name, dtype=dtype, task=task)
    return Model(read_checkpoint(model), name=name, dtype=dtype, task=task)
