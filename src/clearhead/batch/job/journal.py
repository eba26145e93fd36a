"""The progress of a part: one line of JSON for each window of lines on the disk.

The draft of a part grows window by window. After a window is on the disk, the journal records the
number of lines and bytes so far, and their hash. A process that resumes the part truncates the
draft to the last record whose hash matches. So an incomplete window is written again, and none is
written twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...file_reading import FileProblem, parse_json
from ...json_fields import Fields
from .durable_files import errors_about, lock


@dataclass(frozen=True)
class Progress:
    """The progress of a part on the disk.

    Attributes:
        lines: number of processed lines.
        size: size of the draft in bytes.
        digest: the SHA-256 of these bytes.
        rejects: rejected lines, each with its file, number and reason.
    """

    lines: int = 0
    size: int = 0
    digest: str = hashlib.sha256().hexdigest()
    rejects: tuple[dict[str, Any], ...] = field(default=())


class Journal:
    """The journal of a part, which only this process writes.

    Args:
        path: of its file.
        descriptor: of the locked file.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._entries = list(_entries(descriptor))

    def recover(self, draft: Path) -> Progress:
        """Truncate draft and journal to the last valid record, and return its progress.

        Args:
            draft: of the part, which may be missing.
        """
        progress, end = Progress(), 0
        digest, place = hashlib.sha256(), 0
        with contextlib.ExitStack() as stack:
            content = stack.enter_context(draft.open("rb")) if draft.exists() else None
            for after, entry in self._entries:
                if entry is not None:
                    lines, size, right_digest, rejects = entry
                    piece = content.read(max(0, size - place)) if content is not None else b""
                    digest.update(piece)
                    place += len(piece)
                    if place != size or digest.hexdigest() != right_digest:
                        break
                    progress = Progress(lines, size, right_digest, (*progress.rejects, *rejects))
                end = after
        with errors_about(self._path):
            os.ftruncate(self._descriptor, end)
            os.lseek(self._descriptor, end, os.SEEK_SET)
        if draft.exists():
            os.truncate(draft, progress.size)
        return progress

    def last(self) -> Progress | None:
        """Return the progress at the end of the journal, without checking the draft."""
        progress: Progress | None = None
        for _, entry in self._entries:
            if entry is not None:
                lines, size, digest, rejects = entry
                before = progress.rejects if progress else ()
                progress = Progress(lines, size, digest, (*before, *rejects))
        return progress

    def note_process(self) -> None:
        """Record this process and host."""
        self._append({"process": os.getpid(), "host": socket.gethostname()})

    def note(self, progress: Progress, new_rejects: list[dict[str, Any]]) -> None:
        """Record the progress of the part; its draft must already be on the disk."""
        self._append(
            {
                "lines": progress.lines,
                "bytes": progress.size,
                "sha256": progress.digest,
                "rejects": new_rejects,
            }
        )

    def remove(self) -> None:
        """Remove the journal's file."""
        self._path.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8") + b"\n"
        with errors_about(self._path):
            while line:
                line = line[os.write(self._descriptor, line) :]
            os.fsync(self._descriptor)


@contextlib.contextmanager
def open_journal(path: Path, *, task: str, patience: float = 0.0) -> Iterator[Journal]:
    """Open the journal of a part and lock it for this process; see `lock`.

    Raises:
        ConfigError: another process is writing the part.
    """
    with lock(path, task=task, patience=patience) as descriptor:
        yield Journal(path, descriptor)


_Entry = tuple[int, int, str, list[dict[str, Any]]]


def _entries(descriptor: int) -> Iterator[tuple[int, _Entry | None]]:
    """Yield the end offset of each complete line of a journal, and its record, if it has one.

    An unreadable line was being written when the machine stopped; the journal ends before it.
    """
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    end = 0
    for line in content.split(b"\n")[:-1]:  # the last one is incomplete or empty
        end += len(line) + 1
        try:
            fields = Fields(parse_json(line), "the entry")
            if fields.has("process"):
                yield end, None
                continue
            rejects = [reject.members() for reject in fields.objects("rejects")]
            entry = (
                fields.integer("lines", least=0, most=1 << 62),
                fields.integer("bytes", least=0, most=1 << 62),
                fields.text("sha256"),
                rejects,
            )
        except FileProblem:
            return
        yield end, entry
