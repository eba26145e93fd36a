"""The files of a model's folder: their hash, and whether they have changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import CheckpointError
from .directions.discovery import FILES, bundled_models, find_model

_ENDINGS = (".json", ".safetensors", ".model", ".spm", ".txt", ".jinja")
# A file -> its size and the time of its last change in nanoseconds.
Stamp = tuple[tuple[str, int, int], ...]


def is_whole(folder: Path) -> bool:
    """Return whether a folder has all files of a model of ours, unlike that of a training run."""
    return all((folder / name).is_file() for name in FILES)


def model_files(folder: Path) -> list[Path]:
    """Return the files that a model is read from, in the order of their names.

    For a model of ours these are three; for others, all files that a model could be read from.
    """
    if is_whole(folder) and not (folder / "tokenizer_config.json").exists():
        return [folder / name for name in FILES]
    return sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and path.is_file())


def files_stamp(folder: Path) -> Stamp:
    """Return a stamp that quickly shows whether a model's files were rewritten."""
    states = ((path.name, path.stat()) for path in model_files(folder))
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in states)


def files_hash(folder: Path) -> str:
    """Return the SHA-256 of a model's files, with their names, as 64 hexadecimal digits.

    Raises:
        CheckpointError: a file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in model_files(folder):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name} {content}\n".encode())
    except OSError as error:
        raise CheckpointError(
            f"The model's file {error.filename} cannot be read: {error.strerror}. Get the model's "
            f"folder again, or change its permissions."
        ) from error
    return digest.hexdigest()


def name_elsewhere(folder: Path) -> str:
    """Return how to name a model on another machine: a bundled one's name, or the absolute path."""
    if folder.name in bundled_models() and find_model(folder.name) == folder:
        return folder.name
    return str(folder.resolve())
