"""Putting a finished model's folder in place: complete or absent, and nothing else harmed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...files import exchange, process_umask, sync, sync_folder
from ...pretrained.writing import BESIDE, PROVENANCE

_FILES = ("config.json", "model.safetensors", "tokenizer.json", PROVENANCE)
_SUFFIX = ".draft"
_UNFINISHED = ".tmp" + 6 * "[A-Za-z0-9]"  # what safetensors gives its own name to at the end


@contextmanager
def model_draft(folder: Path) -> Iterator[Path]:
    """Give a new folder to write a model to, which takes the place of ``folder`` at the end.

    Its name is unique, so no folder of anyone is taken for it. Of what was in ``folder`` before,
    a model's three files are removed; others are moved to the new one.
    """
    folder = folder.resolve()  # a link to a folder stays a link
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = _unique(folder)
    try:
        draft.chmod(0o777 & ~process_umask())
        yield draft
        _put_in_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _unique(folder: Path) -> Path:
    draft = tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=_SUFFIX, dir=folder.parent)
    return Path(draft)


def _put_in_place(draft: Path, folder: Path) -> None:
    sync_folder(draft)
    if not folder.is_dir():
        os.rename(draft, folder)  # a file in the way is an error
    else:
        if exchange(draft, folder):
            before = draft
        else:
            before = _unique(folder)
            os.replace(folder, before)  # takes the place of the empty folder
            os.replace(draft, folder)
        sync(folder.parent)
        for path in before.iterdir():
            if path.name in _FILES:
                path.unlink()
        _move_what_is_not_there(before, folder)
    sync(folder.parent)


def _move_what_is_not_there(before: Path, folder: Path) -> None:
    """Move what a folder has not from the one before it, and remove that one."""
    for path in list(before.iterdir()):
        place = folder / path.name
        if path.is_dir() and place.is_dir():
            _move_what_is_not_there(path, place)
        elif path.is_file() and place.is_file():
            path.unlink()
        else:
            path.rename(place)
    before.rmdir()


def remove_model_drafts(folder: Path) -> None:
    """Remove what a kill left of drafts of this folder; other files in them stay."""
    for draft in folder.parent.glob(f".{folder.name}.*{_SUFFIX}"):
        for name in (*_FILES, *(path.name for path in draft.glob(_UNFINISHED))):
            (draft / name).unlink(missing_ok=True)
        for path in [path for pattern in BESIDE for path in draft.glob(pattern)]:
            path.unlink()  # of a model in the format of transformers
            if path.parent != draft and not any(path.parent.iterdir()):
                path.parent.rmdir()
        if not any(draft.iterdir()):
            draft.rmdir()


def replace_state(draft: Path, folder: Path) -> None:
    """Put a complete draft in a state's place."""
    sync_folder(draft)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    if folder.exists():
        old = folder.with_name(folder.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if exchange(draft, folder):
            os.replace(draft, old)
        else:
            os.replace(folder, old)
            os.replace(draft, folder)
        shutil.rmtree(old)
    else:
        os.replace(draft, folder)
    sync(folder.parent)  # or the new name may not outlive a power cut
