"""Folders that transformers saved a model into: read by it, and changed as others might have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def read_with_transformers(kind: str, folder: Path) -> Any:
    """Load a folder as a class of transformers does, to compute in float32."""
    model_class = getattr(transformers, kind)
    return model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def change_config(folder: Path, changes: dict[str, Any]) -> None:
    """Change fields of a saved config.json; one that becomes ... is taken out."""
    path = folder / "config.json"
    members = {**json.loads(path.read_text("utf-8")), **changes}
    members = {key: value for key, value in members.items() if value is not ...}
    path.write_text(json.dumps(members), "utf-8")


@contextmanager
def open_tensors(folder: Path) -> Iterator[dict[str, np.ndarray]]:
    """Give the tensors of a folder by name, and write what became of them at the end."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    yield tensors
    save_file(tensors, path, {"format": "pt"})


def change_tensors(
    folder: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
) -> None:
    """Write the tensors of a folder anew: ``change`` gets and returns them by name."""
    with open_tensors(folder) as tensors:
        changed = change(dict(tensors))
        tensors.clear()
        tensors.update(changed)
