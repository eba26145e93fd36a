"""The lines of a job's input files: counting, seeking and decoding them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import CorpusError, TextError
from ...translation.sentences.segments import CheckedText, check_text

LONGEST_LINE = 4_000_000  # bytes; texts of more than a million characters are rejected
MARK_EVERY = 1024  # lines
_READ = 1 << 18  # bytes


@dataclass(frozen=True)
class Survey:
    """An input file as it was when the job was planned.

    Attributes:
        path: of the file.
        lines: number of lines, including a last line without a line break.
        digest: the SHA-256 of its bytes on the disk.
        marks: offsets of every 1,024th line, in bytes of the text (uncompressed, for a .gz file).
        stamp: its size and modification time, to notice changes quickly.
    """

    path: Path
    lines: int
    digest: str
    marks: tuple[int, ...]
    stamp: tuple[int, int]


@dataclass(frozen=True)
class Line:
    """A line without its line break; of a line that is too long, only length and digest.

    Attributes:
        content: its bytes; empty if it is too long.
        length: in bytes.
        digest: of its bytes.
    """

    content: bytes
    length: int
    digest: bytes


def survey(path: Path) -> Survey:
    """Read a whole file, and return the facts that a job needs.

    Raises:
        CorpusError: it cannot be read to its end, or changes meanwhile.
    """
    stamp = file_stamp(path)
    marks, place, count, is_ended = [0], 0, 0, True
    for length, is_ended in _line_lengths(path):
        place += length
        if is_ended:
            count += 1
            if count % MARK_EVERY == 0:
                marks.append(place)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if file_stamp(path) != stamp:
        raise CorpusError(f"{path} is being written to while it is read. Wait until it is whole.")
    return Survey(path, count + (not is_ended), digest, tuple(marks), stamp)


def file_stamp(path: Path) -> tuple[int, int]:
    """Return the size and the modification time of a file.

    Raises:
        CorpusError: it does not exist, or is not a regular file.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}.") from error
    if not path.is_file():
        raise CorpusError(f"{path} is no file. A job reads files, which it can read again.")
    return state.st_size, state.st_mtime_ns


def lines_from(survey: Survey, first: int, count: int) -> Iterator[Line]:
    """Yield some lines of a file.

    Args:
        survey: of the file.
        first: number of the first line, from 0.
        count: the number of lines.

    Raises:
        CorpusError: the file cannot be read, or has fewer lines now.
    """
    mark = min(first // MARK_EVERY, len(survey.marks) - 1)
    skip = first - mark * MARK_EVERY
    number = 0
    with _readable(survey.path) as stream:
        stream.seek(survey.marks[mark])
        for number, line in enumerate(_lines(stream), 1):
            if number > skip:
                yield line
            if number == skip + count:
                return
    if count:
        raise CorpusError(
            f"{survey.path} ends before line {first + count:,}, which it had when the job was "
            f"planned. Give it back its content, or begin a job in another folder."
        )


def text_of(line: Line, number: int, column: int | None) -> CheckedText:
    """Return the text of a line.

    Args:
        line: of an input file.
        number: of the line in its file, from 1; a byte order mark in the first line is dropped.
        column: number of the text's column, from 1, in tab-separated columns; None for the whole
            line.

    Raises:
        TextError: the line has no usable text; the message is a clause that calls the line "it".
    """
    if line.length > LONGEST_LINE:
        raise TextError(f"it has {line.length:,} bytes; {LONGEST_LINE:,} are taken at most")
    content = line.content.removeprefix(b"\xef\xbb\xbf") if number == 1 else line.content
    content = content.removesuffix(b"\r")
    if column is not None:
        columns = content.split(b"\t")
        if len(columns) < column:
            raise TextError(f"it has no column {column}; it has {len(columns)}")
        content = columns[column - 1]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextError(
            f"it is not valid UTF-8: byte {error.start + 1} is 0x{content[error.start]:02x}"
        ) from None
    try:
        return check_text(text)
    except TextError as error:
        raise TextError(str(error).rstrip(".")) from None


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[BinaryIO]:
    """Open a file, uncompressed if it ends in .gz; its errors become `CorpusError`."""
    cause: Exception
    try:
        open_file: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
        with open_file(path, "rb") as stream:
            yield stream
    except EOFError as error:
        reason, cause = "its compressed data are cut off. Fetch the file again", error
    except gzip.BadGzipFile as error:
        words = f"it is no gzip file, or a damaged one: {error}"
        reason, cause = f"{words}. Rename it, or fetch it again", error
    except zlib.error as error:
        reason, cause = f"its compressed data are damaged: {error}. Fetch the file again", error
    except OSError as error:
        reason, cause = str(error.strerror or error), error
    else:
        return
    raise CorpusError(f"{path} cannot be read to its end: {reason}.") from cause


def _line_lengths(path: Path) -> Iterator[tuple[int, bool]]:
    """Yield the lengths of lines or pieces of lines, and whether a line ends there."""
    with _readable(path) as stream:
        while content := stream.read(_READ):
            start = 0
            while (end := content.find(b"\n", start)) >= 0:
                yield end + 1 - start, True
                start = end + 1
            if start < len(content):
                yield len(content) - start, False


def _lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a stream; a line that is too long has only its length and digest."""
    rest = b""
    while True:
        content = stream.read(_READ)
        *lines, rest = (rest + content).split(b"\n")
        for line in lines:
            yield _line(line)
        if not content:
            if rest:
                yield _line(rest)
            return
        if len(rest) > LONGEST_LINE:
            long_line, rest, is_ended = _rest_of_long_line(stream, rest)
            yield long_line
            if not is_ended:
                return


def _line(content: bytes) -> Line:
    digest = hashlib.sha256(content).digest()
    return Line(content if len(content) <= LONGEST_LINE else b"", len(content), digest)


def _rest_of_long_line(stream: BinaryIO, begin: bytes) -> tuple[Line, bytes, bool]:
    """Read to the end of a line that is already too long, without keeping it.

    Returns:
        The line, the bytes already read of the next one, and whether the line has a line break.
    """
    digest, length = hashlib.sha256(begin), len(begin)
    while content := stream.read(_READ):
        piece, end, after = content.partition(b"\n")
        digest.update(piece)
        length += len(piece)
        if end:
            return Line(b"", length, digest.digest()), after, True
    return Line(b"", length, digest.digest()), b"", False
