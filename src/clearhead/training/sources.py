"""Checks that a run's source files exist and have not changed.

A run stores the tokenizer and token ids made from these files, and resumes with those. So it
records size, modification time and SHA-256 of each file in ``sources.json``. If a file has changed
at the next start, an error names it, instead of silently ignoring the change.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, CorpusError
from ..file_reading import FileProblem, read_json
from ..files import write_whole
from ..json_fields import Fields
from ..pretrained.fetching import find_folder
from ..pretrained.writing import files_beside
from ..text.corpus import corpus_files
from ..text.store_files import read_facts
from ..text.token_store import corpus_hash
from ..translation.checkpoint import is_pretrained
from .settings import Settings

# Files up to this size are always hashed (some tenths of a second). A larger file is hashed only if
# its size is the same and its time differs.
_ALWAYS_HASHED = 1 << 28
_BUNDLED = Path(__file__).parent.parent / "models"
NAME = "sources.json"


def model_folder(model: str, key: str = "training.initial") -> Path:
    """Return the folder of a model, given as the name of a bundled one or as a path.

    Raises:
        CheckpointError: there is no such bundled model or folder.
    """
    bundled = sorted(path.parent.name for path in _BUNDLED.glob("*/config.json"))
    if model in bundled:
        return _BUNDLED / model
    if Path(model).is_dir():
        return Path(model)
    names = ", ".join(bundled) or "none in this installation"
    raise CheckpointError(
        f"{key} = {model!r} is neither a bundled model ({names}) nor a folder. Name one that "
        f"exists."
    )


def tokenizer_file(path: str) -> Path:
    """Return the file for a tokenizer.path: a bundled model's tokenizer, or the path itself."""
    bundled = _BUNDLED / path / "tokenizer.json"
    return bundled if "/" not in path and bundled.is_file() else Path(path)


def source_files(settings: Settings) -> dict[str, Path]:
    """Return the local files named in settings, by the full name of the setting.

    Args:
        settings: with paths that can be opened as they are.
    """
    texts = {f"data.corpus[{i}].path": row.path for i, row in enumerate(settings.data.corpus)}
    if settings.data.development is not None:
        texts["data.development"] = settings.data.development
    files = {}
    for key, corpus in texts.items():
        names = corpus_files(corpus)
        for i, name in enumerate(names):
            files[key + (f", file {i + 1}" if len(names) > 1 else "")] = Path(name)
    if settings.tokenizer.path is not None:
        files["tokenizer.path"] = tokenizer_file(settings.tokenizer.path)
    return files | _initial_files(settings.training.initial)


def _initial_files(initial: str | None) -> dict[str, Path]:
    """Return the files of an initial model in another format; export needs them again."""
    if initial is None or not is_pretrained(initial):
        return {}
    folder = find_folder(initial)
    own = [path for pattern in ("config.json", "*.safetensors") for path in folder.glob(pattern)]
    paths = sorted({*own, *files_beside(folder)})
    return {f"training.initial, {path.relative_to(folder)}": path for path in paths}


def check_files(settings: Settings) -> None:
    """Check that all files named in the settings exist and can be read.

    Raises:
        CorpusError: a corpus file cannot be read; the message names setting and file.
        CheckpointError: the tokenizer's file cannot be read.
    """
    for key, path in source_files(settings).items():
        if key.startswith("training.initial"):
            continue  # checked when it is read
        kind = CheckpointError if key == "tokenizer.path" else CorpusError
        what = "tokenizer" if key == "tokenizer.path" else "corpus file"
        if not path.exists():
            raise kind(
                f"There is no {what} {path}, which {key} names. Relative paths of corpora begin "
                f"at --data, or else in the working folder."
            )
        if not path.is_file():  # a pipe could be read only once
            what = "a folder" if path.is_dir() else "no plain file"
            raise kind(f"{key} names {path}, which is {what}. Name a file.")
        try:
            path.open("rb").close()
        except OSError as error:
            raise kind(f"Cannot read {path}, which {key} names: {error.strerror}.") from error


def _facts(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        "path": str(path),
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": _hash(path),
    }


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def note_sources(run: Path, settings: Settings) -> None:
    """Record the current facts of a run's files."""
    rows = {key: _facts(path) for key, path in source_files(settings).items()}
    write_whole(run / NAME, json.dumps(rows, indent=2))


def changed_source(run: Path, settings: Settings) -> str | None:
    """Return what has changed in a run's files since it was begun, as a clause; None if no change.

    A run of an earlier version has no ``sources.json``; its token stores hold the hashes of their
    corpora, which are compared instead.

    Raises:
        CheckpointError: the record or a file cannot be read.
    """
    path = run / NAME
    try:
        if not path.exists():
            return _changed_corpus(run, settings)
        rows = Fields(read_json(path), "the file")
        for key, file in source_files(settings).items():
            if rows.has(key) and (difference := _difference(file, rows.object(key))):
                return f"{file} ({key}) {difference}"
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. It says what the run was made from; put it "
            f"back, or give the run another folder."
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"Cannot read {error.filename or path}: {error.strerror}. The run was made from it; "
            f"put it back, or give the run another folder."
        ) from error
    return None


def _changed_corpus(run: Path, settings: Settings) -> str | None:
    for i, row in enumerate(settings.data.corpus):
        store = run / "data" / str(i) / "store.json"
        if store.exists() and corpus_hash(row.path) != read_facts(store.parent).sha256:
            return f"{row.path} (data.corpus[{i}].path) has other content"
    return None


def _difference(path: Path, before: Fields) -> str | None:
    if not path.exists():
        return "is no longer there"
    status = path.stat()
    size = before.integer("size", least=0)
    if status.st_size != size:
        return f"had {size:,} bytes and now has {status.st_size:,}"
    # A float cannot hold nanoseconds since 1970 exactly.
    modified = before.integer("mtime_ns", most=1 << 63)
    if status.st_size > _ALWAYS_HASHED and status.st_mtime_ns == modified:
        return None
    same = _hash(path) == before.text("sha256")
    return None if same else "has other content of the same length"
