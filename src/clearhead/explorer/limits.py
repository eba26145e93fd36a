"""What the explorer's server bears: sizes, times and how many questions at once.

A page on this computer's loopback is asked by its own reader, but also by whatever else runs here;
so nothing that comes is kept, read or computed without a bound, and what is refused is told why.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class ServerLimits:
    """The bounds of one server.

    Attributes:
        body_bytes: the longest body of a request.
        body_seconds: how long a body may take to come.
        header_bytes: the longest request line and headers together.
        header_seconds: how long they may take to come, from the opening of the connection or
            from their first byte.
        idle_seconds: how long a connection is kept for a further request.
        unread_seconds: how long a client may read nothing of its answer.
        connections: how many may be open at once; who comes then is told to wait.
        sockets: how many more are closed without a word, so that files can still be opened.
        at_work: how many questions are worked on at once; each takes a thread.
        waiting: how many more may wait for their turn.
        seconds: how long a question may take, waiting included.
    """

    body_bytes: int = 512 * 1024
    body_seconds: float = 10.0
    header_bytes: int = 16 * 1024
    header_seconds: float = 10.0
    idle_seconds: int = 5
    unread_seconds: float = 30.0
    connections: int = 256
    sockets: int = 512
    at_work: int = 2
    waiting: int = 24
    seconds: float = 30.0


class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        kind: the error's name.
        message: what was asked, what came, what to do.
        headers: that the answer carries.
    """

    def __init__(
        self, status: int, kind: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.headers = headers or {}


class Gone(Exception):
    """Who asked has left before the answer; nobody hears what is answered now."""


class Workers:
    """A few threads that work on questions, and a short queue before them.

    A thread cannot be stopped. A question that takes too long is answered with a refusal, and its
    thread counts as at work until it has truly ended, so that there are never more of them.

    Args:
        limits: how many, how long a queue and how long a question.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self._threads = ThreadPoolExecutor(limits.at_work, thread_name_prefix="explorer")
        self._inside = 0

    @property
    def inside(self) -> int:
        """How many questions are worked on or waiting."""
        return self._inside

    async def do(self, work: Callable[[], Result], gone: Callable[[], Awaitable[Any]]) -> Result:
        """Do a piece of work in a thread and wait for it.

        Args:
            work: what is called in the thread.
            gone: what it gives ends when nobody waits for the result any more.

        Raises:
            Refusal: 429, the queue is full; 503, it took too long.
            Gone: that ended first.
        """
        limits = self.limits
        if self._inside >= limits.at_work + limits.waiting:
            raise Refusal(
                429,
                "Busy",
                f"The explorer works on {limits.at_work} questions at once and lets "
                f"{limits.waiting} wait; all places are taken. Ask again in a second.",
                {"Retry-After": "1"},
            )
        task = self._started(work)
        watch = asyncio.ensure_future(gone())
        try:
            either: set[asyncio.Future[Any]] = {task, watch}
            await asyncio.wait(either, timeout=limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if watch.done():
                raise Gone
        finally:
            watch.cancel()
            # Takes it out of the queue where it still waits; a thread at work goes on.
            task.cancel()
        raise Refusal(
            503,
            "TooSlow",
            f"The answer was not ready after {limits.seconds:g} seconds. Ask for less: a shorter "
            f"text, a smaller beam or fewer edits; or ask again when the computer is less busy.",
            {"Retry-After": str(math.ceil(limits.seconds))},
        )

    def _started(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()

        def ended(_: Future[Result]) -> None:
            # The loop may have closed already when a thread ends after the server.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._leave)

        self._inside += 1
        future = self._threads.submit(work)
        future.add_done_callback(ended)
        return asyncio.wrap_future(future)

    def _leave(self) -> None:
        self._inside -= 1

    def close(self) -> bool:
        """Take no more work; True if no thread is still busy."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not self._inside
