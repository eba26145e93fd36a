"""The files of a preparation, open at the same time; equal pairs give equal bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import CorpusError
from ..files import draft_folder, sync_folder
from ..text.corpus import Pair
from .report import FileFacts

_LEVEL = 3  # gzip level: a third of the default's time, 7 % more bytes


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a draft folder, which is renamed to ``folder`` when the block ends without an error.

    Raises:
        CorpusError: the name exists already, and is not an empty folder.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CorpusError(
            f"{folder} exists and is not empty. Give the prepared text a folder of its own with "
            f"--out, or remove this one."
        )
    folder = Path(os.path.abspath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with draft_folder(folder) as draft:
        yield draft
        sync_folder(draft)
        os.replace(draft, folder)  # an empty folder of that name is replaced


class PairFiles:
    """Files of pairs, each created with its first pairs; a context manager.

    Args:
        folder: of the files.
        direction: part of the files' names, such as ``en-fr``.
    """

    def __init__(self, folder: Path, direction: str) -> None:
        self._folder, self._direction = folder, direction
        self._files: dict[str, BinaryIO] = {}
        self._counts: dict[str, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> PairFiles:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(self, output: str, pairs: Iterable[Pair]) -> None:
        """Append pairs to the file of an output."""
        lines = [pair_line(pair) for pair in pairs]
        if not lines:
            return
        if output not in self._files:
            raw = self._stack.enter_context(self._path(output).open("wb"))
            # Without a time and a name in the header, equal pairs give equal files.
            file = gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0)
            self._files[output] = self._stack.enter_context(file)  # type: ignore[assignment]
            self._counts[output] = 0
        self._files[output].write("".join(lines).encode())
        self._counts[output] += len(lines)

    def facts(self) -> tuple[FileFacts, ...]:
        """Return the facts about all files, after they have been closed."""
        return tuple(
            file_facts(self._path(output), self._counts[output]) for output in sorted(self._files)
        )

    def _path(self, output: str) -> Path:
        return self._folder / f"{output}.{self._direction}.tsv.gz"


def pair_line(pair: Pair) -> str:
    """Return a clean pair, without tabs and line breaks, as a line with its line break."""
    return f"{pair.source}\t{pair.target}\n"


def file_facts(path: Path, pairs: int) -> FileFacts:
    """Return the facts about a file with a number of pairs, for the report."""
    with path.open("rb") as file:
        return FileFacts(path.name, pairs, hashlib.file_digest(file, "sha256").hexdigest())
