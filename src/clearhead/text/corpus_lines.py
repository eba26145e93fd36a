"""Reads the lines of a corpus's files; lines that are no pair are reported or counted."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from ..errors import CorpusError

MOST_LINE = 1 << 27
"""Bytes of a line. A kilobyte of gzip may hold a megabyte, so that a line without an end could
fill the memory; corpora on one line alone have been of 100 million bytes."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# How other files begin than text in UTF-8, what they are, and what makes a corpus of them.
_OTHERS = {
    b"\x1f\x8b": ("compressed with gzip", "unpack it, or let its name end in .gz"),
    b"\xfd7zXZ\0": ("compressed with xz", "unpack it: xz -d"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it: zstd -d"),
    b"BZh91AY&SY": ("compressed with bzip2", "unpack it: bzip2 -d"),
    b"PK\x03\x04": ("a zip archive", "unpack it: unzip"),
    b"\xff\xfe": ("UTF-16", "write it in UTF-8: iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16", "write it in UTF-8: iconv -f UTF-16 -t UTF-8"),
}


class Pair(NamedTuple):
    """One source text and its translation."""

    source: str
    target: str


@dataclass
class Skipped:
    """The number of lines left out, by reason, counted while a corpus is read."""

    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """The number of lines for all reasons together."""
        return sum(self.reasons.values())

    def __str__(self) -> str:
        if not self.total:
            return "no line skipped"
        parts = ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items()))
        return f"{self.total} line{'s' * (self.total > 1)} skipped: {parts}"


def _open(path: Path) -> IO[bytes]:
    if not path.exists():
        raise CorpusError(f"There is no corpus file {path}.")
    if path.suffix != ".gz":
        return path.open("rb")
    if path.is_file() and not path.stat().st_size:  # gzip silently reads it as nothing
        raise CorpusError(
            f"{path} holds not a byte, and even nothing takes 20 in gzip: get it again."
        )
    return gzip.open(path, "rb")  # type: ignore[return-value]


def read_lines(path: str | Path) -> Iterator[bytes]:
    """Read the lines of a file, plain or gzip, as bytes without their ends.

    A byte order mark at the beginning of the file is dropped.

    Raises:
        CorpusError: the file is missing, compressed in another way, UTF-16, its compression is
            damaged, or a line is longer than `MOST_LINE`.
    """
    path = Path(path)
    number = 0
    try:
        with _open(path) as file:
            for line in iter(partial(file.readline, MOST_LINE + 1), b""):
                if not number:
                    _check_beginning(path, line)
                    line = line.removeprefix(_BYTE_ORDER_MARK)
                number += 1
                if len(line) > MOST_LINE:
                    raise CorpusError(
                        f"{path}, line {number} has more than {MOST_LINE:,} bytes and is no line "
                        f"of text. Write one text on each line."
                    )
                yield line.removesuffix(b"\n").removesuffix(b"\r")
    except (EOFError, OSError, zlib.error) as error:
        raise CorpusError(f"{path} cannot be read after line {number}: {error}") from error


def _check_beginning(path: Path, content: bytes) -> None:
    """Raise CorpusError where a file begins as something else than text in UTF-8."""
    for beginning, (what, repair) in _OTHERS.items():
        if content.startswith(beginning):
            raise CorpusError(
                f"{path} is {what}, and a corpus is text in UTF-8, plain or in gzip: {repair}."
            )


class PairProblem(Exception):
    """A line that is no pair: the reason in two words, then the full sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PairProblem(
            "not UTF-8", f"byte {error.start + 1} of the line is not UTF-8 ({error.reason})"
        ) from None


def decoded_lines(path: Path, skip_counts: Skipped | None) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield number, decode(line)
        except PairProblem as problem:
            skip_or_raise(problem, f"{path}, line {number}", skip_counts)


def skip_or_raise(problem: PairProblem, place: str, skip_counts: Skipped | None) -> None:
    if skip_counts is None:
        raise CorpusError(
            f"{place}: {problem}. Mend the line, or leave bad lines out with skip_bad_lines."
        ) from None
    skip_counts.reasons[problem.reason] += 1
