"""Files with more than two columns, from which a corpus selects source and target."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import CorpusError
from .corpus_lines import Pair, PairProblem, Skipped, decoded_lines, skip_or_raise

_KINDS = ("tsv", "csv")


class Table(NamedTuple):
    """A file of columns, as a corpus names it.

    Attributes:
        kind: ``tsv`` (columns between tabs) or ``csv`` (between commas, with quotes).
        path: of the file.
        columns: of source and target: numbers from 1, or names in the first line.
    """

    kind: str
    path: str
    columns: tuple[str, str]


def table_of(corpus: str) -> Table | None:
    """Return the table that a corpus names; None if it names no columns.

    Raises:
        CorpusError: the name is not complete.
    """
    kind, colon, rest = corpus.partition(":")
    if kind not in _KINDS or not colon:
        return None
    path, *columns = rest.rsplit(":", 2)
    if len(columns) != 2 or not all((path, *columns)):
        raise CorpusError(
            f"Write a file of columns as {kind}:FILE:SOURCE:TARGET, with the numbers or names of "
            f"two columns, such as {kind}:{path or 'FILE'}:1:2; got {corpus}."
        )
    return Table(kind, path, (columns[0], columns[1]))


def with_columns(path: str, source: str, target: str) -> str:
    """Return the corpus of two columns of a file, of commas where its name ends in .csv or .csv.gz.

    Raises:
        CorpusError: the path is none of one file, or a column's name has a colon.
    """
    if "," in path or path.partition(":")[0] in (*_KINDS, "lines", "hub"):
        raise CorpusError(
            f"Columns are chosen of one file of tabs or commas; path = {path!r} is something else."
        )
    for column in (source, target):
        if ":" in column:
            raise CorpusError(
                f"The name of the column {column!r} has a colon, which stands between names here. "
                f"Name it by its number from 1."
            )
    kind = "csv" if path.lower().endswith((".csv", ".csv.gz")) else "tsv"
    return f"{kind}:{path}:{source}:{target}"


def read_table(table: Table, skip_counts: Skipped | None) -> Iterator[Pair]:
    """Read the pairs of a file of columns, one at a time.

    Args:
        table: the file and its columns.
        skip_counts: where bad lines are counted; without it the first one is an error.

    Raises:
        CorpusError: naming the file and the line, or the column that it lacks.
    """
    rows = (_csv_rows if table.kind == "csv" else _tsv_rows)(Path(table.path), skip_counts)
    if all(column.isdecimal() and int(column) for column in table.columns):
        source, target = (int(column) - 1 for column in table.columns)
    else:
        _, names = next(rows, (0, []))
        source, target = (_place(column, names, table.path) for column in table.columns)
    fewest = max(source, target) + 1
    for number, row in rows:
        if len(row) >= fewest:
            yield Pair(row[source], row[target])
            continue
        problem = PairProblem(
            "too few columns", f"expected at least {fewest} columns; it has {len(row)}"
        )
        skip_or_raise(problem, f"{table.path}, line {number}", skip_counts)


def _place(column: str, names: Sequence[str], path: str) -> int:
    if column not in names:
        near = difflib.get_close_matches(column, names, n=1)
        raise CorpusError(
            f"{path} has no column {column!r}; its first line has {', '.join(map(repr, names))}."
            + "".join(f" Did you mean {name}?" for name in near)
        )
    return names.index(column)


def _tsv_rows(path: Path, skip_counts: Skipped | None) -> Iterator[tuple[int, list[str]]]:
    for number, line in decoded_lines(path, skip_counts):
        yield number, line.split("\t")


def _csv_rows(path: Path, skip_counts: Skipped | None) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file of commas and quotes, each with the number of its last line."""
    reader = csv.reader(f"{line}\n" for _, line in decoded_lines(path, skip_counts))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise CorpusError(f"{path}, line {reader.line_num}: {error}.") from error
