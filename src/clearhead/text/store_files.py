"""Reads the files of a token store with checks, because a run's folder may be untrusted.

Nothing in ``store.json`` is trusted unless the other two files agree with it: an arbitrary dtype
would let it refer to any place in memory.
"""

from __future__ import annotations

import errno
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..file_reading import FileProblem, open_file, read_json
from ..json_fields import CHECKSUM, MOST_SUM, Fields
from ..visible import quoted
from .tags import TAGS

_CHECKED_AT_ONCE = 1 << 22
_NUMPY = b"\x93NUMPY\x01\x00"  # a file of version 1.0
_DTYPES = ("uint16", "uint32")
CHECKSUMS = "numbers_crc32"
"""The member of store.json with the CRC-32 of the bytes of the ids and of the offsets."""


@dataclass(frozen=True)
class StoreFacts:
    """The content of ``store.json``.

    Attributes:
        content: all of it but the checksums.
        dtype: of the ids.
        pairs, tokens: how many the store holds.
        sha256: of the corpus.
        token_sum, offset_sum: CRC-32 of the other two files' numbers; None where it has none.
    """

    content: dict[str, Any]
    dtype: np.dtype[Any]
    pairs: int
    tokens: int
    sha256: str
    token_sum: int | None = None
    offset_sum: int | None = None


def read_facts(folder: Path) -> StoreFacts:
    """Read the facts in a store's ``store.json``.

    Raises:
        FileNotFoundError: there is no store.
        FileProblem: they cannot be true.
    """
    path = folder / "store.json"
    try:
        content = read_json(path)
    except FileProblem as error:
        if error.missing:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
        raise FileProblem(f"store.json: {error.reason}") from error
    fields = Fields(content, "store.json")
    name = fields.text("dtype")
    if name not in _DTYPES:
        raise FileProblem(
            f"its numbers would be of type {quoted(name)}, and token ids are {' or '.join(_DTYPES)}"
        )
    reasons = fields.object("skipped")
    for reason in reasons.names():
        reasons.integer(reason, least=0)
    if fields.has("tags"):
        counts = fields.object("tags")
        counts.only(tuple(TAGS))
        for tag in counts.names():
            counts.integer(tag, least=0)
    fields.text("corpus")
    fields.check_sum()
    sums = fields.object(CHECKSUMS) if fields.has(CHECKSUMS) else None
    return StoreFacts(
        content={key: content[key] for key in content if key not in (CHECKSUMS, CHECKSUM)},
        dtype=np.dtype(name).newbyteorder("<"),
        pairs=fields.integer("pairs", least=1),
        tokens=fields.integer("tokens", least=0),
        sha256=fields.text("sha256"),
        token_sum=sums.integer("tokens", least=0, most=MOST_SUM) if sums else None,
        offset_sum=sums.integer("offsets", least=0, most=MOST_SUM) if sums else None,
    )


def read_offsets(folder: Path, facts: StoreFacts) -> np.ndarray:
    """Return where each text begins in the file and the last ends, int64 [2 * pairs + 1].

    Raises:
        FileProblem: the file holds something else.
    """
    count = 2 * facts.pairs + 1
    with open_file(folder / "offsets.npy") as file:
        # NumPy's own reader would evaluate the header, and some headers crash the process.
        start = len(_NUMPY) + 2
        beginning = file.read(start)
        start += int.from_bytes(beginning[len(_NUMPY) :], "little")
        header = file.read(start - len(beginning))
        expected_header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({count},), }}"
        if not beginning.startswith(_NUMPY) or header.strip() != expected_header.encode():
            raise FileProblem(f"offsets.npy does not hold the {count:,} offsets of its pairs")
        if os.fstat(file.fileno()).st_size != start + 8 * count:
            raise FileProblem("offsets.npy was not copied whole")
        return np.memmap(file, dtype="<i8", mode="r", offset=start, shape=(count,))


def map_tokens(folder: Path, facts: StoreFacts) -> np.ndarray:
    """Return the ids of all texts, read from the file as they are used.

    Raises:
        FileProblem: the length of the file does not fit the store.
    """
    with open_file(folder / "tokens.bin") as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(size, facts)
        return np.memmap(file, dtype=facts.dtype, mode="r")


def _check_size(size: int, facts: StoreFacts) -> None:
    if size != facts.tokens * facts.dtype.itemsize:
        raise FileProblem(
            f"tokens.bin has {size:,} bytes, and {facts.tokens:,} ids of {facts.dtype.name} have "
            f"{facts.tokens * facts.dtype.itemsize:,}"
        )
    if not size:
        raise FileProblem("tokens.bin is empty")


def checked_lengths(offsets: np.ndarray, facts: StoreFacts, most: int | None) -> np.ndarray:
    """Return the number of tokens of each text, int32 [2 * pairs].

    Raises:
        FileProblem: the offsets are not in order, or a text is longer than ``most``.
    """
    lengths = np.diff(offsets)
    if offsets[0] != 0 or offsets[-1] != facts.tokens or (lengths < 0).any():
        raise FileProblem("offsets.npy does not divide its tokens into texts")
    limit = int(np.iinfo(np.int32).max) if most is None else most
    if int(lengths.max()) > limit:
        raise FileProblem(f"a text has {int(lengths.max()):,} tokens, and {limit:,} are the most")
    if facts.offset_sum not in (None, zlib.crc32(offsets.data)):
        raise FileProblem("offsets.npy is not what was written: its checksum is another one")
    return lengths.astype(np.int32)


def check_ids(tokens: np.ndarray, vocab_size: int, checksum: int | None = None) -> None:
    """Refuse ids that a vocabulary does not have: they would be places outside of a table.

    Args:
        tokens: of a store.
        vocab_size: ids from here on are refused.
        checksum: CRC-32 of their bytes; others are refused. None does not look at it.

    Raises:
        FileProblem: there is one.
    """
    so_far = 0
    for first in range(0, len(tokens), _CHECKED_AT_ONCE):
        block = tokens[first : first + _CHECKED_AT_ONCE]
        if checksum is not None:
            so_far = zlib.crc32(block.data, so_far)
        largest = int(block.max())
        if largest >= vocab_size:
            raise FileProblem(
                f"it holds the token id {largest:,}, and its tokenizer has {vocab_size:,} ids"
            )
    if checksum not in (None, so_far):
        raise FileProblem("tokens.bin is not what was written: its checksum is another one")
