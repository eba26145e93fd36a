"""Sentence pairs from files and data sets, read as a stream, with their origin kept.

A corpus is written as::

    path/pairs.tsv             source, a tab, target; further columns are an error, but for the
                               attribution that manythings.org's files have as their third
    tsv:path/file.txt:1:2      two of the columns that tabs separate, by their numbers from 1, or by
                               their names where the first line has names
    csv:path/file.csv:en:fr    the same of columns that commas separate, with quotes (RFC 4180)
    path/train.en,path/train.fr    two files, line by line
    hub:name[:config[:split[:source:target]]]
                               a Hugging Face data set with a "translation" column, or two columns
                               of text; source and target are its languages (without them the
                               first two, in the data set's order)
    lines:path/texts.txt       one side alone, a text on each line; a teacher writes the other

A corpus of plain texts is one file, or several, one after the other: ``a.txt,b.txt``.

Each file may be compressed with gzip (``.gz``). Text is UTF-8. Only a line feed ends a line, a
carriage return before it is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from ..errors import CorpusError, require
from .columns import read_table, table_of
from .corpus_lines import (
    Pair,
    PairProblem,
    Skipped,
    decode,
    decoded_lines,
    read_lines,
    skip_or_raise,
)

__all__ = [
    "UNITS",
    "Pair",
    "Skipped",
    "corpus_files",
    "locate",
    "read_lines",
    "read_pairs",
    "read_texts",
    "texts_of_lines",
]

_LINES = "lines:"
UNITS = ("line", "paragraph", "file")
"""What one text of a file may be: each line, the lines up to a blank one, or all of it."""


# The third column of the files of manythings.org/anki: "CC-BY 2.0 (France) Attribution: ...".
_ATTRIBUTION = re.compile(r"CC-BY [^\t]*\bAttribution: ")


def _tsv_pair(line: bytes) -> Pair:
    columns = decode(line).split("\t")
    if len(columns) == 3 and _ATTRIBUTION.match(columns[2]):
        return Pair(*columns[:2])
    if len(columns) != 2:
        tabs = "no tab" if len(columns) == 1 else f"{len(columns) - 1} tabs"
        more = "; of more columns choose two with tsv:FILE:1:2" if len(columns) > 2 else ""
        raise PairProblem(tabs, f"expected a source, one tab and a target; it has {tabs}{more}")
    return Pair(*columns)


def _read_tsv(path: Path, skip_counts: Skipped | None) -> Iterator[Pair]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield _tsv_pair(line)
        except PairProblem as problem:
            skip_or_raise(problem, f"{path}, line {number}", skip_counts)


def _read_two_files(source: Path, target: Path, skip_counts: Skipped | None) -> Iterator[Pair]:
    rows = zip_longest(read_lines(source), read_lines(target))
    for number, (source_line, target_line) in enumerate(rows, 1):
        name = source
        try:
            if source_line is None or target_line is None:
                ended, name = (source, target) if source_line is None else (target, source)
                raise PairProblem(
                    "without a partner",
                    f"{source} and {target} must have as many lines as each other; {ended} ends "
                    f"after line {number - 1}",
                )
            source_text, name = decode(source_line), target
            yield Pair(source_text, decode(target_line))
        except PairProblem as problem:
            skip_or_raise(problem, f"{name}, line {number}", skip_counts)


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
        except PairProblem as problem:
            skip_or_raise(problem, f"data set {name}, row {number}", skip_counts)


def _hub_pair(texts: Mapping[str, object], languages: Sequence[str]) -> Pair:
    pair = [texts.get(name) for name in languages or list(texts)[:2]]
    if len(pair) != 2 or not all(isinstance(text, str) for text in pair):
        columns = " and ".join(languages) or "two columns"
        raise PairProblem(
            "no pair", f"expected texts in {columns}; the row has {dict(texts)!r:.200}"
        )
    return Pair(*map(str, pair))


def locate(corpus: str, folder: Path | None) -> str:
    """Return a corpus with its relative paths taken from a folder; None leaves them."""
    if folder is None or corpus.startswith("hub:"):
        return corpus
    if (lines := texts_of_lines(corpus)) is not None:
        return f"{_LINES}{folder / lines}"
    if table := table_of(corpus):
        return ":".join((table.kind, str(folder / table.path), *table.columns))
    return ",".join(str(folder / name) for name in corpus.split(","))


def corpus_files(corpus: str) -> list[str]:
    """Return the paths of a corpus's files; none of a data set on a hub.

    Raises:
        CorpusError: it names columns, but not completely.
    """
    if corpus.startswith("hub:"):
        return []
    if (lines := texts_of_lines(corpus)) is not None:
        return [lines]
    table = table_of(corpus)
    return [table.path] if table else corpus.split(",")


def texts_of_lines(corpus: str) -> str | None:
    """Return the file of a corpus that has one side alone; None where it has both."""
    return corpus.removeprefix(_LINES) if corpus.startswith(_LINES) else None


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
    if table := table_of(name):
        return read_table(table, skipped)
    source, comma, target = name.partition(",")
    if comma:
        return _read_two_files(Path(source), Path(target), skipped)
    return _read_tsv(Path(name), skipped)


def read_texts(
    corpus: str | Path, unit: str = "paragraph", *, skip_counts: Skipped | None = None
) -> Iterator[str]:
    """Read the texts of plain files, one at a time; blank lines are not texts.

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
    return (line for _, line in decoded_lines(path, skip_counts))
