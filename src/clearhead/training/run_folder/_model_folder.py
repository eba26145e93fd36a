"""Putting a finished model's folder in place: complete or absent, and nothing else harmed."""

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
_OLD_SUFFIX = ".draft"  # of what versions before this one wrote to
_UNFINISHED = ".tmp" + 6 * "[A-Za-z0-9]"  # what safetensors gives its own name to at the end


@contextmanager
def model_draft(folder: Path) -> Iterator[Path]:
    """Give a new folder to write a model to, which takes the place of ``folder`` at the end.

    Of what was in ``folder`` before, a model's own files are replaced; others are in the new one.
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
    # Others' files have both names for a moment: nothing in a draft is the only one of its kind,
    # so that one that a kill leaves can be removed whole.
    _give_second_names(folder, draft, except_for=_FILES)
    sync_folder(draft)
    if exchange(draft, folder):
        before = draft
    else:
        before = folder.with_name(draft.name + ".old")
        os.replace(folder, before)
        os.replace(draft, folder)
        os.replace(before, draft)  # where it is removed
        before = draft
    sync(folder.parent)
    for path in before.iterdir():  # what came after the names were given
        if path.name not in _FILES and not os.path.lexists(folder / path.name):
            path.rename(folder / path.name)


def _give_second_names(folder: Path, draft: Path, *, except_for: tuple[str, ...] = ()) -> None:
    """Give what others have in a folder a name in the draft, too."""
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
    """Give a file a second name; where the disk has no such thing, a copy."""
    try:
        os.link(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
            raise
        shutil.copy2(path, name, follow_symlinks=False)


def remove_model_drafts(folder: Path) -> None:
    """Remove what a kill left of drafts of this folder.

    In those of earlier versions there may be files of others, which stay.
    """
    remove_drafts_of_killed(folder)
    for draft in folder.parent.glob(f".{folder.name}.*{_OLD_SUFFIX}"):
        for name in (*_FILES, *(path.name for path in draft.glob(_UNFINISHED))):
            (draft / name).unlink(missing_ok=True)
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
