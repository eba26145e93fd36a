"""Reads the lines of a corpus's files; lines that are no pair are reported or counted."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from ..errors import CorpusError


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

    Raises:
        CorpusError: the file is missing, or its compression is damaged.
    """
    path = Path(path)
    number = 0
    try:
        with _open(path) as file:
            for line in file:
                number += 1
                yield line.removesuffix(b"\n").removesuffix(b"\r")
    except (EOFError, OSError, zlib.error) as error:
        raise CorpusError(f"{path} cannot be read after line {number}: {error}") from error


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
