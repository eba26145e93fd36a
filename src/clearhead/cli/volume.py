"""Chooses the engine for the lines of a command, and the number of lines in a window."""

from __future__ import annotations

import os
import select
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from clearhead.errors import TextError
from clearhead.volume.choice import FEW_TEXTS

if TYPE_CHECKING:
    from clearhead.translation.sentences.segments import CheckedText
    from clearhead.translation.translator import Translator
    from clearhead.volume.choice import EngineChoice

LINES = 10_000  # of a window, with engines for many lines
_FEW_LINES = 512  # of a window, with the readable engine, so that its lines are written early
_PATIENCE = 0.02  # seconds to wait for a pipe's next lines
_TEXT_PER_COMPRESSED = 3  # approximate bytes of text in a byte of .gz

T = TypeVar("T")


class EngineForLines:
    """Chooses the engine when the first lines have arrived, and tells the user about it.

    Args:
        translator: of a model of ours.
        options: of the command: ``engine``, ``compute``, ``quiet``.
        settings: the search settings that the user has set.
        characters: of all lines, if known.
    """

    def __init__(
        self,
        translator: Translator,
        options: dict[str, Any],
        settings: dict[str, Any],
        characters: int | None,
    ) -> None:
        self._translator, self._options, self._settings = translator, options, settings
        self._is_open = characters is None and options["engine"] == "auto"
        self._characters = characters or 0
        self._choice: EngineChoice | None = None
        if not self._is_open:
            self._choose()

    @property
    def has_workers(self) -> bool:
        """Whether an engine for many lines is used, during which Python is free."""
        return self._choice is not None and self._choice.engine != "numpy"

    @property
    def lines(self) -> int:
        """The number of lines that a window should have."""
        return LINES if self.has_workers else _FEW_LINES

    def call(self, texts: Sequence[str]) -> dict[str, str]:
        """Return the engine for these texts, as arguments of `translate`.

        If the total amount is unknown, the amount so far decides; once it is large, the choice
        stays.
        """
        if self._is_open:
            self._characters += sum(map(len, texts))
            self._choose()
        assert self._choice is not None
        return {"engine": self._choice.engine, "compute": self._choice.compute}

    def _choose(self) -> None:
        before = self._choice
        choice = self._choice = self._translator.choose_engine(
            self._options["engine"],
            self._options["compute"],
            characters=self._characters,
            **self._settings,
        )
        is_small = self._options["engine"] == "auto" and choice.reason == FEW_TEXTS
        self._is_open = self._is_open and is_small
        if not is_small and choice != before and not self._options["quiet"]:
            click.echo(f"clearhead: engine {choice}", err=True)


def amount_of_text(stream: BinaryIO, name: str) -> int | None:
    """Return the approximate number of characters of a file; None for a pipe or a terminal."""
    size = regular_size(stream)
    return size if size is None or not name.endswith(".gz") else size * _TEXT_PER_COMPRESSED


def regular_size(stream: BinaryIO) -> int | None:
    """Return the size in bytes of a stream's regular file; None for other streams."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a test's stream, or a closed one
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def windows(
    chunks: Iterable[list[CheckedText]], stream: BinaryIO | None, size: Callable[[], int]
) -> Iterator[list[CheckedText]]:
    """Gather chunks of lines into windows.

    A regular file gives full windows. For a pipe, further lines are awaited only for a moment, and
    on a terminal not at all, so that a slow writer gets its answers.

    Args:
        chunks: of lines, as they arrive. An error among them is raised after the lines before it.
        stream: the source of the lines; None if all are available.
        size: returns the largest number of lines in a window; called before each window.
    """
    window: list[CheckedText] = []
    most = size()
    error: TextError | None = None
    iterator = iter(chunks)
    while True:
        try:
            chunk = next(iterator, None)
        except TextError as problem:
            chunk, error = None, problem
        window += chunk or []
        while window and (len(window) >= most or chunk is None or not _more_soon(stream)):
            yield window[:most]
            window, most = window[most:], size()
        if error is not None:
            raise error
        if chunk is None:
            return


def _more_soon(stream: BinaryIO | None) -> bool:
    """Return whether more lines are available, or arrive within a moment."""
    if stream is None or regular_size(stream) is not None:
        return True
    try:
        if stream.isatty():
            return False
        ready, _, _ = select.select([stream.fileno()], [], [], _PATIENCE)
    except (OSError, ValueError):  # a test's stream, which has all its bytes
        return True
    return bool(ready)


def ahead(function: Callable[[T], Any], inputs: Iterable[T], count: int) -> Iterator[Any]:
    """Yield the results of a function in the order of its inputs, computing ``count`` at once.

    While one window waits for its engine, which does not use Python, the next is prepared.

    Args:
        function: called in threads if ``count`` is more than 1.
        inputs: at most ``count`` are read ahead.
        count: the number of results computed at once.
    """
    if count == 1:
        yield from map(function, inputs)
        return
    pool = ThreadPoolExecutor(count)
    try:
        pending: deque[Future[Any]] = deque()
        for item in inputs:
            pending.append(pool.submit(function, item))
            if len(pending) == count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
