"""The files that a run is made from: whether they exist, and whether they have changed.

A run stores the token ids and the tokenizer that it made of them, and goes on with those. So it
notes the size, the time and the SHA-256 of each file in ``sources.json``; if a file has changed by
the next start, an error names it, instead of ignoring the change silently.
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

# A file up to this size is always hashed (some tenths of a second); a larger one only where its
# size is the same and its time is not.
_ALWAYS_HASHED = 1 << 28
_BUNDLED = Path(__file__).parent.parent / "models"
NAME = "sources.json"


def model_folder(model: str, key: str = "training.initial") -> Path:
    """Return the folder of a bundled model's name, or of a path.

    Raises:
        CheckpointError: there is neither.
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
    """Return the file that tokenizer.path means: its own, or that of a bundled model's name."""
    bundled = _BUNDLED / path / "tokenizer.json"
    return bundled if "/" not in path and bundled.is_file() else Path(path)


def source_files(settings: Settings) -> dict[str, Path]:
    """Return each local file that settings name, by the full name of its setting.

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
    """Return the files of someone else's model, of which the finished one is made again."""
    if initial is None or not is_pretrained(initial):
        return {}
    folder = find_folder(initial)
    own = [path for pattern in ("config.json", "*.safetensors") for path in folder.glob(pattern)]
    paths = sorted({*own, *files_beside(folder)})
    return {f"training.initial, {path.relative_to(folder)}": path for path in paths}


def check_files(settings: Settings) -> None:
    """Refuse settings that name a file which is missing or cannot be read.

    Raises:
        CorpusError: naming the setting and the file.
        CheckpointError: it is the tokenizer's.
    """
    for key, path in source_files(settings).items():
        if key.startswith("training.initial"):
            continue  # which reading it looks at
        kind = CheckpointError if key == "tokenizer.path" else CorpusError
        what = "tokenizer" if key == "tokenizer.path" else "corpus file"
        if not path.exists():
            raise kind(
                f"There is no {what} {path}, which {key} names. Relative paths of corpora begin "
                f"at --data, or else in the working folder."
            )
        if not path.is_file():  # a pipe could be read once only
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
    """Write down what the files of a run are now."""
    rows = {key: _facts(path) for key, path in source_files(settings).items()}
    write_whole(run / NAME, json.dumps(rows, indent=2))


def changed_source(run: Path, settings: Settings) -> str | None:
    """Return what has changed in the files of a run since it was begun, as half a sentence.

    None means that all are the same. A run of an earlier version has no note; its token stores
    hold the hashes of their corpora.

    Raises:
        CheckpointError: the note cannot be read.
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
    # Nanoseconds since 1970 are more than a float holds exactly.
    modified = before.integer("mtime_ns", most=1 << 63)
    if status.st_size > _ALWAYS_HASHED and status.st_mtime_ns == modified:
        return None
    same = _hash(path) == before.text("sha256")
    return None if same else "has other content of the same length"
