"""Reads lines as they arrive, with their numbers, and shows progress on a terminal."""

from __future__ import annotations

import gzip
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import click

from clearhead.errors import TextError
from clearhead.translation.sentences.segments import CheckedText, check_text

_READ = 1 << 16  # bytes
_LONGEST_LINE = 4_000_000  # bytes; texts of more than a million characters are refused


def open_input(path: str | None, *, verb: str = "translate") -> AbstractContextManager[BinaryIO]:
    """Open a file, decompressed if its name ends in .gz; None and ``-`` mean standard input.

    If the input is a terminal, a message says what is done with the lines: the ``verb``.
    """
    if path is None or path == "-":
        if sys.stdin.isatty():
            click.echo(f"Type a line to {verb} it; Ctrl-D ends.", err=True)
        return nullcontext(sys.stdin.buffer)
    try:
        return cast(BinaryIO, gzip.open(path)) if path.endswith(".gz") else Path(path).open("rb")
    except OSError as error:
        raise click.ClickException(f"Cannot read {path}: {error.strerror}.") from error


def check_apart(stream: BinaryIO, out: BinaryIO, name: str) -> None:
    """Check that the input file is not the file that standard output goes to.

    Raises:
        ClickException: both are the same regular file.
    """
    try:
        source, target = os.fstat(stream.fileno()), os.fstat(out.fileno())
    except (OSError, ValueError):  # a test's stream, or a closed one
        return
    if stat.S_ISREG(target.st_mode) and os.path.samestat(source, target):
        raise click.ClickException(
            f"{name} is also the file that standard output goes to, which the shell has opened for "
            f"writing before. Give the translations a file of their own."
        )


def check_other_file(stream: BinaryIO, output: str | None, name: str) -> None:
    """Check that the output does not replace the input file.

    Raises:
        ClickException: the output's path leads to the input file.
    """
    try:
        same = output is not None and os.path.samestat(os.fstat(stream.fileno()), os.stat(output))
    except (OSError, ValueError):  # the output does not exist yet, or the stream is a test's
        return
    if same and stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        raise click.ClickException(
            f"--output {output} is the file that is read, {name}: its lines would be lost. Give "
            f"the translations a file of their own."
        )


def check_arguments(texts: Sequence[str]) -> list[CheckedText]:
    """Return arguments as checked texts.

    Raises:
        TextError: one is not a text (not UTF-8) or far too long; the message has its number.
    """
    checked_texts = []
    for number, text in enumerate(texts, 1):
        try:
            checked_texts.append(check_text(text))
        except TextError as error:
            raise TextError(f"Argument {number}: {error}") from None
    return checked_texts


def read_texts(
    stream: BinaryIO, count: int = 512, *, name: str = "standard input"
) -> Iterator[list[CheckedText]]:
    """Yield the lines of a stream without line ends as they arrive, at most ``count`` at a time.

    Lines from a slow writer are yielded at once, so a pipe or a terminal gets its answers line by
    line, while a file is read in large blocks. Only a line feed ends a line. A byte order mark at
    the start is dropped.

    Raises:
        TextError: a line is not UTF-8 or is far too long, or the stream cannot be read to its end.
            The lines before it are yielded first.
    """
    number = 0
    for lines in _readable_lines(stream, name):
        for start in range(0, len(lines), count):
            texts: list[CheckedText] = []
            for line in lines[start : start + count]:
                number += 1
                try:
                    texts.append(_decode(line, number))
                except TextError:
                    if texts:
                        yield texts
                    raise
            yield texts


def _readable_lines(stream: BinaryIO, name: str) -> Iterator[list[bytes]]:
    """Yield the lines of `_arriving_lines`; raise an error with the reason if reading fails."""
    number = 0
    try:
        for lines in _arriving_lines(stream):
            yield lines
            number += len(lines)
    except EOFError:
        reason = "its compressed data are cut off. Fetch the file again"
    except gzip.BadGzipFile as error:
        reason = f"it is not a gzip file, as .gz says: {error}. Rename it, or fetch it again"
    except zlib.error as error:
        reason = f"its compressed data are damaged: {error}. Fetch the file again"
    except OSError as error:
        reason = f"{error.strerror or error}"
    else:
        return
    raise TextError(f"{name} cannot be read after line {number}: {reason}.")


def _arriving_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the complete lines in each block read from a stream."""
    rest = b""
    # read1 waits for some bytes and returns those available; `read` would wait for all.
    while content := stream.read1(_READ):  # type: ignore[attr-defined]
        *lines, last = content.split(b"\n")
        if not lines:
            rest += last
        else:
            lines[0], rest = rest + lines[0], last
            yield lines
        if len(rest) > _LONGEST_LINE:
            break
    if rest:
        yield [rest]


def _decode(line: bytes, number: int) -> CheckedText:
    """Return a line as a text; ``number`` is that of the line in its file, from 1."""
    if len(line) > _LONGEST_LINE:
        raise TextError(
            f"Line {number} is longer than {_LONGEST_LINE:,} bytes. Break it into lines."
        )
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        return check_text(line.removesuffix(b"\r").decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TextError(
            f"Line {number} is not valid UTF-8: byte {error.start + 1} of the line is "
            f"0x{line[error.start]:02x} ({error.reason}). Convert the input to UTF-8, for "
            f"example with: iconv -f latin1 -t utf-8"
        ) from None
    except TextError as error:
        raise TextError(f"Line {number}: {error}") from None


class Progress:
    """Shows the number of translated lines and the speed, on one line of standard error.

    Args:
        is_visible: whether anything is shown.
        stream: the input. For a regular file, the remaining time is shown.
    """

    def __init__(self, *, is_visible: bool, stream: BinaryIO | None = None) -> None:
        self.is_visible = is_visible
        self.lines = self.lines_read = 0
        self.start = self.last = time.monotonic()
        self._stream = stream
        self._underway: dict[int, int] = {}

    @classmethod
    def of(cls, stream: BinaryIO, *, quiet: bool) -> Progress:
        """Return the progress of reading a stream; hidden if lines are typed on a terminal."""
        is_visible = not quiet and sys.stderr.isatty() and not stream.isatty()
        return cls(is_visible=is_visible, stream=stream)

    def count(self, chunks: Iterable[list[CheckedText]]) -> Iterator[list[CheckedText]]:
        """Yield chunks of lines, counting the lines."""
        for chunk in chunks:
            self.lines_read += len(chunk)
            yield chunk

    def advance(self, lines: int) -> None:
        """Add a number of lines to the count."""
        self.lines += lines
        if self._underway:
            del self._underway[min(self._underway)]
        self._show()

    def show(self, window: int, sentences: int) -> None:
        """Show the number of translated sentences of a window whose lines are not yet counted.

        They are shown as lines until the window is written. Windows are written in order.
        """
        self._underway[window] = sentences
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if self.is_visible and now - self.last > 0.2:
            self.last = now
            seconds = now - self.start
            lines = self.lines + sum(self._underway.values())
            remainder = self._time_left(lines, seconds)
            text = f"\r{lines:,} lines, {lines / seconds:,.1f} a second{remainder}\x1b[K"
            click.echo(text, err=True, nl=False)

    def _time_left(self, lines: int, seconds: float) -> str:
        """Return the remaining time at this pace; empty if the amount of input is unknown."""
        if self._stream is None or not lines or not self.lines_read:
            return ""
        try:
            descriptor = self._stream.fileno()
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not status.st_size:
                return ""
            # For a compressed file too, this is the place in the file's bytes.
            place = os.lseek(descriptor, 0, os.SEEK_CUR)
        except (OSError, ValueError):  # a test's stream, or a closed one
            return ""
        share = min(1.0, lines / self.lines_read) * place / status.st_size
        return f", {_duration(seconds * (1 - share) / share)} left" if 0 < share < 1 else ""

    def close(self) -> None:
        """Clear the progress line."""
        if self.is_visible:
            click.echo("\r\x1b[K", err=True, nl=False)


def _duration(seconds: float) -> str:
    """Return a time in words: 45 s, 3 min 20 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return (
        f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
    )
