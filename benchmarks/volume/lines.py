"""The files of lines that are translated."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

from clearhead.errors import CorpusError
from clearhead.text.corpus import read_pairs

SEED = 13


def pairs_of(path: str) -> list[tuple[str, str]]:
    """Return the pairs of a file in an order that has nothing to do with that of the file."""
    pairs = [(pair.source, pair.target) for pair in read_pairs(path)]
    random.Random(SEED).shuffle(pairs)
    return pairs


def with_repeats(sources: Sequence[str], count: int) -> list[str]:
    """Return so many lines as they come: a line that a corpus has several times comes as often.

    Raises:
        CorpusError: there are fewer.
    """
    return _first(sources, count, "lines")


def without_repeats(sources: Sequence[str], count: int) -> list[str]:
    """Return so many lines, all different.

    Raises:
        CorpusError: there are fewer.
    """
    return _first(list(dict.fromkeys(sources)), count, "different lines")


def _first(lines: Sequence[str], count: int, what: str) -> list[str]:
    if len(lines) < count:
        raise CorpusError(
            f"{count} {what} are needed, and the pairs have {len(lines)}. Give a larger file, or "
            f"a smaller --lines."
        )
    return list(itertools.islice(lines, count))


def write(path: Path, lines: Sequence[str]) -> Path:
    """Write lines to a file."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
