"""Files that are complete when they have their name, even after a power cut; and locks."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ...errors import ConfigError
from ...files import sync


@contextlib.contextmanager
def errors_about(path: Path) -> Iterator[None]:
    """Add this file's name to system errors in the block; errors of writing have no file name."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        number = error.errno or errno.EIO
        raise OSError(number, error.strerror or str(error), os.fspath(path)) from error


def draft_of(path: Path) -> Path:
    """Return the name of a file's draft."""
    return path.with_name(f".{path.name}.draft")


def write_durably(path: Path, content: bytes) -> None:
    """Write a file, which gets its name after all of it is on the disk.

    No other process may write it at the same time; see `lock`.
    """
    draft = draft_of(path)
    try:
        with errors_about(path), draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        take_name(draft, path)
    except BaseException:  # on a full disk, for example: free its space
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def take_name(draft: Path, path: Path) -> None:
    """Rename a draft whose content is on the disk, and wait until the name is on the disk, too."""
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with errors_about(folder):
        sync(folder)


@contextlib.contextmanager
def lock(path: Path, *, task: str, patience: float = 0.0) -> Iterator[int]:
    """Open a file and lock it for this process; the lock ends with the process.

    Args:
        path: of the file, which is created if missing, and may be removed in the block.
        task: what the lock is for, for the message: ``translating part 2``.
        patience: seconds to wait for another process.

    Yields:
        The file's descriptor.

    Raises:
        ConfigError: another process holds the lock.
    """
    descriptor = _locked_descriptor(path, task, time.monotonic() + patience)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked_descriptor(path: Path, task: str, end: float) -> int:
    import fcntl  # not available on every system

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have just finished and removed the file.
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                raise ConfigError(
                    f"Another process is {task} in {path.parent}. Wait until it is done, or end it "
                    f"and start again with --resume."
                ) from None
            time.sleep(0.05)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
