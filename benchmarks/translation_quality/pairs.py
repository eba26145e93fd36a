"""Sets of sentences with one reference each, as files hold them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from clearhead.errors import CorpusError


@dataclass(frozen=True)
class PairSet:
    """Sentences and their references.

    Attributes:
        name: what tables call the set.
        sources, references: plain text, one each a sentence.
        total: the lines of the file that they are a part of.
    """

    name: str
    sources: tuple[str, ...]
    references: tuple[str, ...]
    total: int


def read_pairs(argument: str, lines: int | None = None) -> PairSet:
    """Return the set that an argument names.

    Args:
        argument: ``NAME=FILE`` for a file with a tab between source and reference, or
            ``NAME=SOURCES,REFERENCES`` for two files; ``.gz`` is unpacked.
        lines: take so many, evenly spread over the file; all of them otherwise.

    Raises:
        CorpusError: the argument has another form, a file is missing, or its lines do not match.
    """
    name, _, place = argument.partition("=")
    if not name or not place:
        raise CorpusError(f"--pairs takes NAME=FILE or NAME=SOURCES,REFERENCES, not {argument!r}.")
    files = [Path(place)] if Path(place).is_file() else [Path(part) for part in place.split(",")]
    for file in files:
        if not file.is_file():
            raise CorpusError(f"--pairs {name}: there is no file {file}.")
    columns = [_read(file) for file in files]
    if len(columns) == 2 and len(columns[0]) == len(columns[1]):
        pairs = list(zip(*columns, strict=True))
    elif len(columns) == 1:
        pairs = [_pair(name, i, line) for i, line in enumerate(columns[0], 1)]
    else:
        counts = " and ".join(f"{len(column):,}" for column in columns)
        raise CorpusError(
            f"--pairs {name}: sources and references must be two files of as many lines; there "
            f"are {counts}."
        )
    if not pairs:
        raise CorpusError(f"--pairs {name}: there are no lines.")
    count = min(lines or len(pairs), len(pairs))
    part = [pairs[i * len(pairs) // count] for i in range(count)]
    sources, references = zip(*part, strict=True)
    return PairSet(name, sources, references, len(pairs))


def _read(file: Path) -> list[str]:
    data = file.read_bytes()
    text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
    # Not splitlines(): a line may hold U+2028 and the like.
    return text.removesuffix("\n").split("\n") if text else []


def _pair(name: str, number: int, line: str) -> tuple[str, str]:
    source, tab, reference = line.partition("\t")
    if not tab or "\t" in reference:
        raise CorpusError(f"--pairs {name}: line {number} must have one tab; it is {line[:80]!r}.")
    return source, reference
