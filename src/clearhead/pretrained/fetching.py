"""Finds a model's folder by its path, or by its name on the hub with huggingface_hub."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from ..errors import CheckpointError, require
from ..visible import quoted, visible

FILES = (
    *("config.json", "generation_config.json", "preprocessor_config.json"),
    *("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "vocab.txt", "spiece.model", "source.spm", "target.spm"),
    *("target_vocab.json", "sentencepiece.bpe.model", "tokenizer.model"),
    *("modules.json", "1_Pooling/config.json", "sentence_bert_config.json"),
)
"""Patterns of the files to download from a model's repository."""

_NAME = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w./-]+))?")


def find_folder(model: str | Path) -> Path:
    """Return the folder of a model; download it if it is named ``org/name`` and not stored yet.

    A model that huggingface_hub has stored before is opened without a network request.

    Args:
        model: a folder, or ``org/name``, or ``org/name@revision``.

    Raises:
        CheckpointError: the folder does not exist, or the model cannot be downloaded; it says why.
        MissingExtraError: downloading needs huggingface_hub, which is not installed.
    """
    folder = Path(model)
    try:
        if folder.is_dir():
            return folder
        exists = folder.exists()
    except (OSError, ValueError):  # not a path: too long, or with a zero byte
        exists = False
    if exists:
        raise CheckpointError(
            f"{visible(str(model))} is a file. A model is a folder with config.json and "
            f"model.safetensors; give the folder."
        )
    match = _NAME.fullmatch(model) if isinstance(model, str) else None
    if match is None:
        raise CheckpointError(
            f"There is no model {quoted(str(model))}: it is no folder, and no name on the hub, "
            f"which is written org/name, such as openai-community/gpt2."
        )
    return _fetch(match["name"], match["revision"])


def _fetch(name: str, revision: str | None) -> Path:
    library = require("huggingface_hub", extra="hub", purpose=f"Fetching the model {name}")

    def snapshot(*, local: bool) -> Path:
        patterns = list(FILES)
        return Path(
            library.snapshot_download(
                name, revision=revision, allow_patterns=patterns, local_files_only=local
            )
        )

    try:
        folder = snapshot(local=True)
        if _whole(folder):
            return folder
    except (OSError, ValueError):  # nothing is stored, or only a part
        pass
    folder = _online(name, revision, snapshot)
    if not (folder / "config.json").exists():
        raise CheckpointError(
            f"{name} on the hub has no config.json, so it is no model of transformers. Give the "
            f"name of one."
        )
    if not _whole(folder):
        parts = any(path.is_symlink() or path.exists() for path in folder.glob("*.safetensors*"))
        raise CheckpointError(_half(name) if parts else _no_weights(name))
    return folder


def _whole(folder: Path) -> bool:
    """Return whether a stored snapshot has a config and weights; broken links do not count."""
    if not (folder / "config.json").exists():
        return False
    if (folder / "model.safetensors").exists():
        return True
    # Files that the index names are checked when the weights are opened. A part that is a broken
    # link was not downloaded completely.
    parts = list(folder.glob("model-*-of-*.safetensors"))
    if not parts or not (folder / "model.safetensors.index.json").exists():
        return False
    count = re.fullmatch(r"model-\d+-of-0*(\d+)\.safetensors", parts[0].name)
    return all(part.exists() for part in parts) and (
        count is None or len(parts) == int(count[1][:9])
    )


def _online(name: str, revision: str | None, snapshot: Callable[..., Path]) -> Path:
    errors: Any = importlib.import_module("huggingface_hub.errors")
    at = "" if revision is None else f"@{revision}"
    try:
        return snapshot(local=False)
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"The model {name} is gated: its owners give it to those who accept their terms. "
            f"Accept them on the page of the model, log in with `hf auth login`, and try again."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"The hub has no model {name}, or it is private. Look at the spelling; for a private "
            f"one, log in with `hf auth login`."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(
            f"The model {name} has no revision {quoted(revision)}. Give a branch, a tag or a "
            f"commit of it, or the name alone for its newest state."
        ) from error
    except (OSError, ValueError, errors.LocalEntryNotFoundError) as error:
        _refuse_offline(name + at, error)
    except Exception as error:
        # The library uses one of several HTTP clients, whose errors have classes of their own.
        if type(error).__module__.split(".")[0] not in _CLIENTS:
            raise
        _refuse_offline(name + at, error)


_CLIENTS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "huggingface_hub")


def _refuse_offline(name: str, error: Exception) -> NoReturn:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    raise CheckpointError(
        f"The model {name} is not stored here whole and cannot be fetched: "
        f"{visible(lines[0])[:200].rstrip('.')}. Where there is a network, run `hf download "
        f"{name.replace('@', ' --revision ')}`; or copy the model's folder from another machine, "
        f"and give the folder."
    ) from error


def _half(name: str) -> str:
    return (
        f"The model {name} is stored here only in part, and the rest of its weights cannot be "
        f"fetched. Where there is a network, run `hf download {name}`; or copy the model's "
        f"folder from another machine, and give the folder."
    )


def _no_weights(name: str) -> str:
    return (
        f"No model.safetensors of {name} could be fetched. Without a network, copy the model's "
        f"folder from another machine, and give the folder. If the model has weights in other "
        f"formats alone: they are not read here. If you trust its owners, convert them with "
        f"transformers, with the class that its config.json names in the place of AutoModel: "
        f'python -c "from transformers import AutoModel; '
        f"AutoModel.from_pretrained({name!r}).save_pretrained('FOLDER', "
        f"safe_serialization=True)\"; then give the folder, with the tokenizer's files in it."
    )
