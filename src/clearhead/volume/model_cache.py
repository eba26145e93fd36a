"""Models written for another engine, stored in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError
from ..file_reading import FileProblem, read_json
from ..files import draft_folder
from ..shapes import Array

_FORMAT = 1  # version of what is written; part of a model's identity
_CONTENTS = "clearhead.json"  # lists the contents of a complete folder


def cache_folder() -> Path:
    """Return the folder for CTranslate2 models: in XDG_CACHE_HOME, or in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification says to ignore an empty or relative path.
    home = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return home / "clearhead" / "ctranslate2"


def fingerprint(
    config: TransformerConfig, weights: Mapping[str, Array], pieces: Sequence[str]
) -> str:
    """Return the hash of a model's config, weights and token names."""
    digest = hashlib.blake2b(digest_size=16)
    head = {"format": _FORMAT, "config": config.to_dict(), "pieces": list(pieces)}
    digest.update(json.dumps(head, sort_keys=True).encode())
    for name in sorted(weights):
        weight = np.ascontiguousarray(weights[name])
        digest.update(f"{name} {weight.dtype} {weight.shape}\n".encode())
        digest.update(weight.data)
    return digest.hexdigest()


def stored_model(
    name: str, write: Callable[[Path], None], verify: Callable[[Path], dict[str, Any]]
) -> Path:
    """Return the folder of a model; write and verify it if it does not exist yet.

    A folder gets its name only when it is complete and verified. If two processes write the same
    model, both finish, and one of the folders is kept. A folder with damaged files is written
    again. Drafts of the same model left by killed processes are removed.

    Args:
        name: of the folder.
        write: writes the model's files to an empty folder.
        verify: runs the written model, raises an error if it is not the same model, and returns
            what it compared.

    Raises:
        ConfigError: the cache folder cannot be written to.
    """
    folder = cache_folder() / name
    if _is_whole(folder):
        return folder
    with ExitStack() as drafts:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            draft = drafts.enter_context(draft_folder(folder))
        except OSError as error:
            raise ConfigError(
                f"The model for CTranslate2 is kept in {folder.parent}, which cannot be written "
                f"to: {error.strerror}. Set XDG_CACHE_HOME to a folder that can."
            ) from error
        write(draft)
        contents = {path.name: _digest(path) for path in sorted(draft.iterdir())}
        description = {"files": contents, "verification": verify(draft)}
        (draft / _CONTENTS).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        _take_place(draft, folder)
    return folder


def _take_place(draft: Path, folder: Path) -> None:
    """Give a complete draft its name, unless another process has just done so."""
    for _ in range(3):
        try:
            draft.rename(folder)
            return
        except OSError:
            if _is_whole(folder):
                return
            # A damaged folder is moved away first, so that processes with open files in it can
            # continue.
            with draft_folder(folder) as aside, suppress(FileNotFoundError):  # another one did
                folder.rename(aside / folder.name)
    raise ConfigError(f"{folder} cannot be replaced. Remove it, and try again.")


def _is_whole(folder: Path) -> bool:
    try:
        description = read_json(folder / _CONTENTS)
        files = description["files"].items()
        return bool(files) and all(_digest(folder / name) == digest for name, digest in files)
    except (FileProblem, OSError, KeyError, TypeError, AttributeError):
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
