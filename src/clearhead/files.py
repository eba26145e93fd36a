"""Helpers for writing files: a file is written completely or not at all, and no drafts remain."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".part"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def write_with_usual_mode(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Let ``write`` create a file, and give it the usual permissions of this user's new files.

    The safetensors library creates files that only their owner can read, whatever the umask.
    Without this, other users could not load a model that was given to them.

    Args:
        path: of the file; an existing one is replaced and keeps its permissions.
        write: called with the path.

    Raises:
        OSError: the system refused, even if the library raised an error of its own for it.
    """
    path = Path(path)
    with open(path, "ab") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    with system_errors(path):
        write(path)
    os.chmod(path, mode)


@contextlib.contextmanager
def system_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise refusals of the system as OSError; the safetensors library raises its own error.

    Args:
        path: the file that the error names.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), os.fspath(path)) from error


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to; the file written there replaces ``path`` once it is complete.

    Until then, and if the block fails, an existing file stays as it is and no draft remains. A
    device or a pipe cannot be replaced and is written directly. For a symbolic link, the file that
    it points to is replaced. An existing file keeps its permissions.

    Args:
        path: the file to write.

    Raises:
        OSError: with ``path`` as its filename, whichever file failed in the block.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "It is a folder")
        if target.exists() and not target.is_file():
            yield target
            return
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~process_umask()
        drafts = contextlib.ExitStack()
        draft = drafts.enter_context(draft_folder(target)) / target.name
    except OSError as error:
        raise _about(error, path) from None
    with drafts:
        try:
            with system_errors(path):
                yield draft
            sync(draft)
            os.chmod(draft, mode)
            os.replace(draft, target)
        except OSError as error:
            raise _about(error, path, draft) from error


@contextlib.contextmanager
def open_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing bytes; it gets its name when it is complete. See `whole_file`."""
    with whole_file(path) as draft, open(draft, "wb") as file:
        yield file


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a complete file, text as UTF-8; see `whole_file`."""
    with open_whole(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def draft_folder(target: Path) -> Iterator[Path]:
    """Give a new folder beside ``target`` to write to; it is removed at the end if it still exists.

    It is named ``.TARGET.xxxxxxxx.part`` and has the permissions of any new folder. Drafts of the
    same target that killed processes left behind are removed first. Each draft folder is locked by
    its process; the kernel releases the lock when the process ends, so no clock is needed.

    Args:
        target: the file or folder that the draft is for; its parent folder must exist.
    """
    remove_drafts_of_killed(target)
    folder, lock = _new_draft(target)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def lock_file(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; return False if another process has locked it.

    Where there is no flock (Windows, some network drives) nothing is locked.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the files of a folder, those of its folders, and their names are on the disk."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            sync_folder(path)
        elif path.is_file():
            sync(path)
    sync(folder)


def exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two files or folders in one step, so that neither is ever missing.

    Returns:
        False if the system cannot do this, and nothing was changed. Only Linux has the call.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    status = rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE)
    number = ctypes.get_errno()
    if status and number not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise OSError(number, os.strerror(number), os.fspath(second))
    return not status


def _new_draft(target: Path) -> tuple[Path, int | None]:
    """Make a folder with a unique name and lock it; the lock is None where locks do not exist."""
    while True:
        name = tempfile.mkdtemp(_SUFFIX, f".{target.name[:80]}.", target.parent)
        lock = _lock(name, wait=True)
        # Before it was locked, another process may have taken it for an abandoned draft and removed
        # it.
        if lock is None or os.path.isdir(name):
            os.chmod(name, 0o777 & ~process_umask())
            return Path(name), lock
        os.close(lock)


def remove_drafts_of_killed(target: Path) -> None:
    """Remove the drafts of a file or folder that belong to processes that have ended."""
    name = re.compile(rf"\.{re.escape(target.name[:80])}\.[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")
    try:
        siblings = os.listdir(target.parent)
    except OSError:  # a folder may be writable but not readable
        return
    for path in (target.parent / sibling for sibling in siblings if name.fullmatch(sibling)):
        if path.is_dir() and not path.is_symlink():
            lock = _lock(path, wait=False)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _lock(folder: str | Path, *, wait: bool) -> int | None:
    """Lock a folder and return the file descriptor with the lock, or None where that fails."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows; or the folder is gone
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another process has it, or the drive has no locks
        os.close(descriptor)
        return None
    return descriptor


def _about(error: OSError, path: str | os.PathLike[str], draft: Path | None = None) -> OSError:
    """Return the error with the name of the requested file instead of that of its draft."""
    if error.filename is None or draft is None or str(error.filename) == str(draft):
        return type(error)(error.errno, error.strerror or str(error), os.fspath(path))
    return error


def process_umask() -> int:
    """Return the umask: the permissions that new files of this process lack."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
