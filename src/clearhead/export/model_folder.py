"""Writes folders for other programs: complete or absent, and never over existing files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..files import draft_folder, sync_folder, write_with_usual_mode
from ..shapes import Array
from ..visible import json_text


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write to; it gets its final name when the block ends.

    Raises:
        ConfigError: the name is taken by something other than an empty folder.
    """
    folder = folder.resolve()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is there already, and what is in it would be lost. Name a new folder."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with draft_folder(folder) as draft:
        yield draft
        sync_folder(draft)
        os.replace(draft, folder)  # an empty folder of that name is replaced


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file that is indented for people to read."""
    path.write_text(json_text(content, indent=2) + "\n", encoding="utf-8")


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Write a safetensors file of float32 arrays, which transformers can open too."""
    write_arrays(
        path,
        {name: np.ascontiguousarray(array, np.float32) for name, array in tensors.items()},
    )


def write_arrays(
    path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file of contiguous arrays, each in its own type.

    Without ``metadata``, the file gets the metadata that transformers requires.
    """
    from safetensors.numpy import save_file

    texts = {"format": "pt"} if metadata is None else dict(metadata)
    write_with_usual_mode(path, lambda place: save_file(dict(arrays), place, metadata=texts))
