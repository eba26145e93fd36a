"""One reader that is fuzzed, and the folder in which its files are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearhead.errors import ClearheadError


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        name: of it.
        seeds: good inputs, to begin from.
        read: reads bytes.
        is_json: whether its inputs are JSON, which is changed as such, too.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    is_json: bool = False

    def check(self, content: bytes) -> None:
        """Read the content; whatever is no refusal in one line is raised."""
        try:
            self.read(content)
        except ClearheadError as error:
            message = str(error)
            assert message.isprintable(), f"not one printable line: {message!r}"
            assert 10 < len(message) < 5000, f"not a sentence: {message!r}"


@cache
def place() -> Path:
    """A folder of whole files, removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz")
    _open.append(folder)
    return Path(folder.name)


_open: list[tempfile.TemporaryDirectory[str]] = []


def from_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of bytes from one that reads a file."""

    def read_bytes(content: bytes) -> object:
        path = place() / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return read_bytes
