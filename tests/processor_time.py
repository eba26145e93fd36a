"""A guard against work that grows out of bounds, in processor time: other programs do not count."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def at_most_processor_seconds(seconds: float) -> Iterator[None]:
    """Fail once the process has worked for so long.

    The bound belongs many times above what the work takes: it tells a bounded computation from one
    that would go on for minutes, and never a slow machine from a fast one.
    """

    def stop(number: int, frame: object) -> None:
        raise AssertionError(f"The work took more than {seconds} seconds of processor time.")

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
