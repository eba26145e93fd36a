"""Helpers shared by everything that writes files."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO


def write_with_usual_mode(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file, with the permissions that any new file of this user has.

    The safetensors library makes files that their owner alone can read, whatever the umask: a
    model given to others would then be one that they cannot load.

    Args:
        path: of the file; an existing one is replaced and keeps its permissions.
        write: called with the path.
    """
    path = Path(path)
    with open(path, "ab") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    write(path)
    os.chmod(path, mode)


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to; its file takes the place of ``path`` once it is complete.

    Until then, and if the block fails, a file of that name stays as it is and nothing else is
    left. A device or a pipe cannot be replaced and is written directly. Of a symbolic link the
    file that it names is replaced. An existing file keeps its permissions.

    Args:
        path: the file to write.

    Raises:
        OSError: with ``path`` as its filename, whatever is written in the block.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "It is a folder")
        if target.exists() and not target.is_file():
            yield target
            return
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _mode_of_new_files()
        descriptor, name = tempfile.mkstemp(".part", f".{target.name[:80]}.", target.parent)
        os.close(descriptor)
    except OSError as error:
        raise _about(error, path) from None
    draft = Path(name)
    try:
        yield draft
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(draft, mode)
        os.replace(draft, target)
    except OSError as error:
        raise _about(error, path, draft) from error
    except Exception as error:
        # The safetensors library tells of a full disk in an error of its own.
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), os.fspath(path)) from error
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def open_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing bytes, which takes its name when it is complete; see `whole_file`."""
    with whole_file(path) as draft, open(draft, "wb") as file:
        yield file


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file at once, text as UTF-8; see `whole_file`."""
    with open_whole(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


def _about(error: OSError, path: str | os.PathLike[str], draft: Path | None = None) -> OSError:
    """Return the error with the name of the file that was asked for, not that of its draft."""
    if error.filename is None or draft is None or str(error.filename) == str(draft):
        return type(error)(error.errno, error.strerror or str(error), os.fspath(path))
    return error


def _mode_of_new_files() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
