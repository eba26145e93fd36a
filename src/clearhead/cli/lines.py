"""Lines in as they come, with their numbers, and progress on a terminal."""

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
_LONGEST_LINE = 4_000_000  # bytes; no text of more than a million characters is taken


def open_input(path: str | None, *, verb: str = "translate") -> AbstractContextManager[BinaryIO]:
    """Open a file, unpacked if it ends in .gz; standard input for None and ``-``.

    Whoever types lines is told what is done with them, the ``verb``.
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
    """Check that the file to read is not the one that standard output goes to.

    Raises:
        ClickException: both are one regular file.
    """
    try:
        source, target = os.fstat(stream.fileno()), os.fstat(out.fileno())
    except (OSError, ValueError):  # a stream of a test, or one that is closed
        return
    if stat.S_ISREG(target.st_mode) and os.path.samestat(source, target):
        raise click.ClickException(
            f"{name} is also the file that standard output goes to, which the shell has opened for "
            f"writing before. Give the translations a file of their own."
        )


def check_other_file(stream: BinaryIO, output: str | None, name: str) -> None:
    """Check that the translations do not replace the file that is read.

    Raises:
        ClickException: the output's path leads to the file that is read.
    """
    try:
        same = output is not None and os.path.samestat(os.fstat(stream.fileno()), os.stat(output))
    except (OSError, ValueError):  # there is no such file yet, or the stream is a test's
        return
    if same and stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        raise click.ClickException(
            f"--output {output} is the file that is read, {name}: its lines would be lost. Give "
            f"the translations a file of their own."
        )


def check_arguments(texts: Sequence[str]) -> list[CheckedText]:
    """Return arguments as texts.

    Raises:
        TextError: one is no text (not UTF-8) or far too long; its number is named.
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
    """Yield the lines of a stream without their ends, as they come: at most ``count`` at a time.

    What a slow writer has sent so far is given at once, so a pipe or a terminal is answered
    line by line while a file is read in large parts. Only a line feed ends a line. A byte order
    mark at the start is dropped.

    Raises:
        TextError: a line is not UTF-8 or is far too long, or the stream cannot be read to its end.
            The lines before it are given first.
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
    """Yield the lines of `_arriving_lines`, or raise an error that says why they end."""
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
    """Yield the complete lines that each read of a stream brings."""
    rest = b""
    # read1 waits for some bytes and gives what there is; `read` would wait for all.
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
    """Return a line as a text; the number is that of the line in its file, from 1."""
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
    """How many lines are translated, and how fast, on one line of a terminal's standard error.

    Args:
        is_visible: whether anything is shown.
        stream: that the lines are read from. For a regular file the time that is left is shown.
    """

    def __init__(self, *, is_visible: bool, stream: BinaryIO | None = None) -> None:
        self.is_visible = is_visible
        self.lines = self.lines_read = 0
        self.start = self.last = time.monotonic()
        self._stream = stream
        self._underway: dict[int, int] = {}

    @classmethod
    def of(cls, stream: BinaryIO, *, quiet: bool) -> Progress:
        """Return progress of reading a stream, shown on a terminal unless one types the lines."""
        is_visible = not quiet and sys.stderr.isatty() and not stream.isatty()
        return cls(is_visible=is_visible, stream=stream)

    def count(self, chunks: Iterable[list[CheckedText]]) -> Iterator[list[CheckedText]]:
        """Yield chunks of lines, and count the lines that are read."""
        for chunk in chunks:
            self.lines_read += len(chunk)
            yield chunk

    def advance(self, lines: int) -> None:
        """Count so many more lines."""
        self.lines += lines
        if self._underway:
            del self._underway[min(self._underway)]
        self._show()

    def show(self, window: int, sentences: int) -> None:
        """Show that so many sentences of a window of lines are translated, which are not counted.

        They are taken for lines until the window is written. Windows are written by their numbers.
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
        """Return how long the rest takes at this pace; empty where nobody knows how much it is."""
        if self._stream is None or not lines or not self.lines_read:
            return ""
        try:
            descriptor = self._stream.fileno()
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not status.st_size:
                return ""
            # Of an archive too, this is the place in its bytes.
            place = os.lseek(descriptor, 0, os.SEEK_CUR)
        except (OSError, ValueError):  # a stream of a test, or one that is closed
            return ""
        share = min(1.0, lines / self.lines_read) * place / status.st_size
        return f", {_duration(seconds * (1 - share) / share)} left" if 0 < share < 1 else ""

    def close(self) -> None:
        """Clear the line."""
        if self.is_visible:
            click.echo("\r\x1b[K", err=True, nl=False)


def _duration(seconds: float) -> str:
    """Return a time as people say it: 45 s, 3 min 20 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return (
        f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
    )
