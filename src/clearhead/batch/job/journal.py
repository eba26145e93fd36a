"""How far a part is: one line of JSON for each window of lines that the disk has.

The draft of a part grows window by window. After the disk has a window, the journal says how many
lines and bytes there are, and their hash. Whoever goes on cuts the draft back to the last of these
places whose hash is right, so a window that was half written is written again, and none twice.
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
    """What the disk has of a part.

    Attributes:
        lines: so many.
        size: bytes of the draft.
        digest: the SHA-256 of these bytes.
        rejects: lines that could not be translated, each with its file, number and reason.
    """

    lines: int = 0
    size: int = 0
    digest: str = hashlib.sha256().hexdigest()
    rejects: tuple[dict[str, Any], ...] = field(default=())


class Journal:
    """The journal of a part, which this process alone writes.

    Args:
        path: of its file.
        descriptor: of the file, which is locked.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._entries = list(_entries(descriptor))

    def recover(self, draft: Path) -> Progress:
        """Return how far the part is, and cut the draft and the journal back to there.

        Args:
            draft: the file that the part is written to, which may be missing.
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
        """Return what the journal says at its end, without a look at the draft."""
        progress: Progress | None = None
        for _, entry in self._entries:
            if entry is not None:
                lines, size, digest, rejects = entry
                before = progress.rejects if progress else ()
                progress = Progress(lines, size, digest, (*before, *rejects))
        return progress

    def note_process(self) -> None:
        """Write down who is at work."""
        self._append({"process": os.getpid(), "host": socket.gethostname()})

    def note(self, progress: Progress, new_rejects: list[dict[str, Any]]) -> None:
        """Write down how far the part is; the draft has come to the disk before."""
        self._append(
            {
                "lines": progress.lines,
                "bytes": progress.size,
                "sha256": progress.digest,
                "rejects": new_rejects,
            }
        )

    def remove(self) -> None:
        """Remove the file, which has done its service."""
        self._path.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8") + b"\n"
        with errors_about(self._path):
            while line:
                line = line[os.write(self._descriptor, line) :]
            os.fsync(self._descriptor)


@contextlib.contextmanager
def open_journal(path: Path, *, task: str, patience: float = 0.0) -> Iterator[Journal]:
    """Open the journal of a part for this process alone; see `lock`.

    Raises:
        ConfigError: another process is at work on the part.
    """
    with lock(path, task=task, patience=patience) as descriptor:
        yield Journal(path, descriptor)


_Entry = tuple[int, int, str, list[dict[str, Any]]]


def _entries(descriptor: int) -> Iterator[tuple[int, _Entry | None]]:
    """Yield where each whole line of a journal ends, and what it says of the draft.

    What cannot be read was being written when the machine stopped; the journal ends before it.
    """
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    end = 0
    for line in content.split(b"\n")[:-1]:  # the last one has no end, or is empty
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
