"""Sentence pairs from files and data sets, read as a stream, with their origin kept.

A corpus is written as::

    path/pairs.tsv             source, a tab, target; further columns are an error
    path/train.en,path/train.fr    two files, line by line
    hub:name[:config[:split[:source:target]]]
                               a Hugging Face data set with a "translation" column, or two columns
                               of text; source and target are its languages (without them the
                               first two, in the data set's order)

A corpus of plain texts is one file, or several, one after the other: ``a.txt,b.txt``.

Each file may be compressed with gzip (``.gz``). Text is UTF-8. Only a line feed ends a line, a
carriage return before it is dropped.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import IO, NamedTuple

from ..errors import CorpusError, require

UNITS = ("line", "paragraph", "file")
"""What one text of a file may be: each line, the lines up to a blank one, or all of it."""


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
    if path.is_file() and not path.stat().st_size:  # gzip reads it as nothing, without a word
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


class _PairProblem(Exception):
    """A line that is no pair: the reason in two words, then the full sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _PairProblem(
            "not UTF-8", f"byte {error.start + 1} of the line is not UTF-8 ({error.reason})"
        ) from None


def _tsv_pair(line: bytes) -> Pair:
    columns = _decode(line).split("\t")
    if len(columns) != 2:
        tabs = "no tab" if len(columns) == 1 else f"{len(columns) - 1} tabs"
        raise _PairProblem(tabs, f"expected a source, one tab and a target; it has {tabs}")
    return Pair(*columns)


def _read_tsv(path: Path, skip_counts: Skipped | None) -> Iterator[Pair]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield _tsv_pair(line)
        except _PairProblem as problem:
            _skip_or_raise(problem, f"{path}, line {number}", skip_counts)


def _read_two_files(source: Path, target: Path, skip_counts: Skipped | None) -> Iterator[Pair]:
    rows = zip_longest(read_lines(source), read_lines(target))
    for number, (source_line, target_line) in enumerate(rows, 1):
        name = source
        try:
            if source_line is None or target_line is None:
                ended, name = (source, target) if source_line is None else (target, source)
                raise _PairProblem(
                    "without a partner",
                    f"{source} and {target} must have as many lines as each other; {ended} ends "
                    f"after line {number - 1}",
                )
            source_text, name = _decode(source_line), target
            yield Pair(source_text, _decode(target_line))
        except _PairProblem as problem:
            _skip_or_raise(problem, f"{name}, line {number}", skip_counts)


def _read_hub(name: str, skip_counts: Skipped | None) -> Iterator[Pair]:
    datasets = require("datasets", extra="datasets", purpose="Reading a data set from a hub")
    parts = name.split(":")
    if len(parts) not in (1, 2, 3, 5):
        raise CorpusError(
            f"Write a data set as hub:name[:config[:split[:source:target]]]; got hub:{name}."
        )
    dataset_name, config, split, *languages = parts + [""] * (3 - len(parts))
    try:
        rows = datasets.load_dataset(
            dataset_name, config or None, split=split or "train", streaming=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise CorpusError(f"The data set {name} cannot be opened: {error}") from error
    for number, row in enumerate(rows, 1):
        try:
            yield _hub_pair(row.get("translation", row), languages)
        except _PairProblem as problem:
            _skip_or_raise(problem, f"data set {name}, row {number}", skip_counts)


def _hub_pair(texts: Mapping[str, object], languages: Sequence[str]) -> Pair:
    pair = [texts.get(name) for name in languages or list(texts)[:2]]
    if len(pair) != 2 or not all(isinstance(text, str) for text in pair):
        columns = " and ".join(languages) or "two columns"
        raise _PairProblem(
            "no pair", f"expected texts in {columns}; the row has {dict(texts)!r:.200}"
        )
    return Pair(*map(str, pair))


def _skip_or_raise(problem: _PairProblem, place: str, skip_counts: Skipped | None) -> None:
    if skip_counts is None:
        raise CorpusError(
            f"{place}: {problem}. Mend the line, or leave bad lines out with skip_bad_lines."
        ) from None
    skip_counts.reasons[problem.reason] += 1


def locate(corpus: str, folder: Path | None) -> str:
    """Return a corpus with its relative paths taken from a folder; None leaves them."""
    if folder is None or corpus.startswith("hub:"):
        return corpus
    return ",".join(str(folder / name) for name in corpus.split(","))


def read_pairs(corpus: str | Path, *, skipped: Skipped | None = None) -> Iterator[Pair]:
    """Read the pairs of a corpus, one at a time.

    Args:
        corpus: as written at the head of this module.
        skipped: where bad lines are counted; without it the first one is an error.

    Raises:
        CorpusError: naming the file and the line.
    """
    name = str(corpus)
    if name.startswith("hub:"):
        return _read_hub(name.removeprefix("hub:"), skipped)
    source, comma, target = name.partition(",")
    if comma:
        return _read_two_files(Path(source), Path(target), skipped)
    return _read_tsv(Path(name), skipped)


def read_texts(
    corpus: str | Path, unit: str = "paragraph", *, skip_counts: Skipped | None = None
) -> Iterator[str]:
    """Read the texts of plain files, one at a time; blank lines alone are none.

    Args:
        corpus: a path, or several with commas between them.
        unit: what one text is, see `UNITS`. A whole file is held in memory, and a paragraph.
        skip_counts: where bad lines are counted; without it the first one is an error.

    Raises:
        CorpusError: naming the file and the line.
    """
    name = str(corpus)
    if name.startswith("hub:"):
        raise CorpusError(
            f"{name} is a data set, and texts are read from files. Write its texts to one."
        )
    for path in map(Path, name.split(",")):
        lines: list[str] = []
        for line in _text_lines(path, skip_counts):
            if line.strip() and unit != "line":
                lines.append(line)
            elif line.strip():
                yield line
            elif unit == "file":
                lines.append("")
            elif lines:
                yield "\n".join(lines)
                lines = []
        text = "\n".join(lines).strip("\n")
        if text:
            yield text


def _text_lines(path: Path, skip_counts: Skipped | None) -> Iterator[str]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield _decode(line)
        except _PairProblem as problem:
            _skip_or_raise(problem, f"{path}, line {number}", skip_counts)
