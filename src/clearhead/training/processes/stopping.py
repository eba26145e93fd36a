"""Ctrl-C and SIGTERM: a training saves its state and says how to resume.

A thread receives the signals, so that they are handled even while PyTorch or the tokenizer's
library is busy for minutes. Between two steps the training checks for a signal, saves and stops.
Before the first step and after the last there is nothing to save, and the process ends at once;
incomplete files have temporary names, so nothing is damaged. A second signal also ends it at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from ...errors import TrainingError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def signal_name(number: int) -> str:
    """Return the usual name of a signal, such as Ctrl-C."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


class StoppedError(TrainingError):
    """A signal has stopped the training, and its state is saved.

    Attributes:
        signal: the signal's number.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.signal = number


class Stop:
    """Handles the signals that a training receives.

    Attributes:
        signal: the number of the received signal; 0 before any.
        stage: the current stage, such as "before the first step"; None between the first and the
            last step, when the training itself checks ``signal`` and saves.
        leash: whether a launcher passes on the signals. The terminal's own Ctrl-C, which also
            reaches this process, is then ignored.
    """

    def __init__(self, *, leash: bool = False) -> None:
        self.signal = 0
        self.stage: str | None = "before the first step"
        self.leash = leash

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Receive Ctrl-C and SIGTERM within the block; does nothing outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            ignored = self.leash and number == signal.SIGINT
            signal.signal(number, signal.SIG_IGN if ignored else _only_heard)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._hear, args=(reader,), daemon=True).start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(writer)  # which ends the thread

    def _hear(self, reader: int) -> None:
        while signal_byte := os.read(reader, 1):
            if signal_byte[0] in SIGNALS:
                self.request(signal_byte[0])
        os.close(reader)

    def request(self, number: int) -> None:
        """Handle a signal: stop after this step, or end the process at once."""
        name = signal_name(number)
        if self.signal:
            self._end(number, f"Ended at once by {name}; the last checkpoint stays.")
        if self.stage is not None:
            self._end(
                number,
                f"Stopped by {name} {self.stage}; nothing is lost. Start the same command again "
                f"to go on.",
            )
        self.signal = number
        _say(f"{name}: stopping after this step (once more to end at once).")

    def _end(self, number: int, message: str) -> NoReturn:
        _say(f"clearhead: {message}")
        os._exit(128 + number)


def _only_heard(number: int, frame: FrameType | None) -> None:
    """Do nothing: the thread handles the signal. Without a handler it would end the process."""


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        start = "\r\033[K" if sys.stderr.isatty() else ""
        os.write(2, f"{start}{text}\n".encode())
