"""Disks that are full, or that can only be read."""

from __future__ import annotations

import errno
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operations.operation import Operation, do
from tests.faults.troubles.row import Row, refused_or_done


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system at a folder, for as long as the block runs; OSError where none is allowed."""
    begin = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
    if begin.returncode:
        raise OSError(errno.EPERM, begin.stderr.decode(errors="replace").strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def small_disk(base: Path, operations: Sequence[Operation], *, short: bool) -> Row:
    """A tmpfs that holds what was there and a part of what is written."""
    row = Row("disk full (a small tmpfs)")
    for operation in operations:
        place = Path(tempfile.mkdtemp(dir=base))
        operation.begin(place)
        before = _size(place)
        done = place.with_name(place.name + " done")
        shutil.copytree(place, done)
        do(lambda there=done, one=operation: one.work(there), done)
        room = max(_size(done), 4096)
        for share in (0.3,) if short else (0.0, 0.2, 0.4, 0.6, 0.8):
            size = -(-int(before + share * room) // 4096) * 4096 + 4096 * 4
            folder = Path(tempfile.mkdtemp(dir=base))
            try:
                with mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "none"):
                    shutil.copytree(place, folder, dirs_exist_ok=True)
                    refused_or_done(row, operation, folder, f"{size} bytes")
            except PermissionError as error:
                row.skipped = f"no file system may be mounted here: {error}"
                return row
    return row


def _size(folder: Path) -> int:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // 4096) * 4096 for size in sizes)


def read_only(base: Path, operations: Sequence[Operation], *, short: bool) -> Row:
    """A folder bound a second time, to be read alone: that holds for root, too."""
    row = Row("read-only folder")
    for operation in operations:
        folder = Path(tempfile.mkdtemp(dir=base))
        operation.begin(folder)
        try:
            with mounted(folder, "--bind", str(folder)):
                subprocess.run(
                    ["mount", "-o", "remount,ro,bind", str(folder)], check=True, capture_output=True
                )
                refused_or_done(row, operation, folder, "read-only")
        except (PermissionError, subprocess.CalledProcessError) as error:
            row.skipped = f"no folder may be bound here: {error}"
            return row
    if row.done:
        row.faults.append("something was written to a read-only folder")
    return row
