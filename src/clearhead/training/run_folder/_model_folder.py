"""Puts a finished model's folder in place atomically, without touching other files in it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...files import draft_folder, exchange, remove_drafts_of_killed, sync, sync_folder
from ...pretrained.writing import PROVENANCE
from ...weight_storage.checksum_file import NAME as CHECKSUMS

_FILES = ("config.json", "model.safetensors", "tokenizer.json", CHECKSUMS, PROVENANCE)
_OLD_SUFFIX = ".draft"  # of the drafts of earlier versions
_UNFINISHED = ".tmp" + 6 * "[A-Za-z0-9]"  # temporary files of safetensors


@contextmanager
def model_draft(folder: Path) -> Iterator[Path]:
    """Yield a draft folder to write a model to; at the end it replaces ``folder``.

    The model files that were in ``folder`` are replaced; its other files are kept.
    """
    folder = folder.resolve()  # a link to a folder stays a link
    folder.parent.mkdir(parents=True, exist_ok=True)
    with draft_folder(folder) as draft:
        yield draft
        _put_in_place(draft, folder)


def _put_in_place(draft: Path, folder: Path) -> None:
    if not folder.is_dir():
        sync_folder(draft)
        os.rename(draft, folder)  # a file in the way is an error
        sync(folder.parent)
        return
    # The other files are linked from both folders for a moment. So a draft never has the only copy
    # of a file, and a draft left by a kill can be removed entirely.
    _give_second_names(folder, draft, except_for=_FILES)
    sync_folder(draft)
    if exchange(draft, folder):
        before = draft
    else:
        before = folder.with_name(draft.name + ".old")
        os.replace(folder, before)
        os.replace(draft, folder)
        os.replace(before, draft)  # so that the old folder is removed as the draft
        before = draft
    sync(folder.parent)
    for path in before.iterdir():  # files added after the links were made
        if path.name not in _FILES and not os.path.lexists(folder / path.name):
            path.rename(folder / path.name)


def _give_second_names(folder: Path, draft: Path, *, except_for: tuple[str, ...] = ()) -> None:
    """Link the other files of a folder from the draft, too."""
    for path in folder.iterdir():
        name = draft / path.name
        is_folder = path.is_dir() and not path.is_symlink()
        if is_folder and name.is_dir():
            _give_second_names(path, name)
        elif path.name in except_for or os.path.lexists(name):
            continue
        elif is_folder:
            shutil.copytree(path, name, symlinks=True, copy_function=_link)
        elif path.is_symlink():
            os.symlink(os.readlink(path), name)
        else:
            _link(path, name)


def _link(path: str | Path, name: str | Path) -> None:
    """Hard-link a file; copy it where the file system has no hard links."""
    try:
        os.link(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
            raise
        shutil.copy2(path, name, follow_symlinks=False)


def remove_model_drafts(folder: Path) -> None:
    """Remove drafts of this folder that killed processes left behind.

    Drafts of earlier versions may contain other files, which are kept.
    """
    remove_drafts_of_killed(folder)
    for draft in folder.parent.glob(f".{folder.name}.*{_OLD_SUFFIX}"):
        for name in (*_FILES, *(path.name for path in draft.glob(_UNFINISHED))):
            (draft / name).unlink(missing_ok=True)
        if not any(draft.iterdir()):
            draft.rmdir()


def replace_state(draft: Path, folder: Path) -> None:
    """Replace a state's folder with a complete draft."""
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
    sync(folder.parent)  # otherwise a power cut may lose the new name
