"""The limits of the explorer's server: sizes, times and the number of questions at once.

A server on the loopback is used by its own page, but also by any other program on this computer. So
nothing is stored, read or computed without a limit, and every refusal says why.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ..contract.stopping import Stop, until

Result = TypeVar("Result")


@dataclass(frozen=True)
class ServerLimits:
    """The limits of one server.

    Attributes:
        body_bytes: the longest body of a request.
        body_seconds: the longest time for receiving a body.
        header_bytes: the longest request line and headers together.
        header_seconds: the longest time for receiving them, from the opening of the connection or
            from their first byte.
        idle_seconds: how long a connection is kept open for another request.
        unread_seconds: how long a client may go without reading its answer.
        connections: the most open connections; further ones get an error that says to wait.
        sockets: beyond this number, connections are closed without an answer, so that files can
            still be opened.
        at_work: the number of questions computed at once; each takes a thread.
        light: the same for questions that are answered almost at once.
        waiting: how many more questions may wait for their turn, for either kind.
        waiting_seconds: how long a question may wait for its turn.
        seconds: how long a question may take from then on.
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
    light: int = 1
    waiting: int = 64
    waiting_seconds: float = 120.0
    seconds: float = 30.0


class HttpError(Exception):
    """A request that gets an error as its answer.

    Attributes:
        status: the HTTP status.
        kind: the error's name.
        message: what was asked, what came, what to do.
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, kind: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.headers = headers or {}


class ClientDisconnected(Exception):
    """The client disconnected before the answer was ready."""


class Workers:
    """A few threads that compute answers, and a short queue.

    Light questions have a thread and a queue of their own, so that slow questions keep nobody from
    opening the page. A thread cannot be stopped from outside: a question that takes too long gets
    an error, its work is asked to stop (see `stopping`), and its thread counts as busy until it has
    ended, so that there are never more threads than these.

    Args:
        limits: of threads, of the queue, and of a question's time.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self._heavy = _Lane(limits.at_work, limits, "explorer")
        self._light = _Lane(limits.light, limits, "explorer-light")

    @property
    def inside(self) -> int:
        """The number of questions that are being computed or waiting."""
        return self._heavy.inside + self._light.inside

    async def do(
        self,
        work: Callable[[], Result],
        disconnection: Callable[[], Awaitable[Any]],
        *,
        light: bool = False,
    ) -> Result:
        """Do a piece of work in a thread and wait for its result.

        Args:
            work: the function to call in the thread.
            disconnection: returns an awaitable that ends when the client disconnects.
            light: whether the work takes almost no time.

        Raises:
            HttpError: 429, the queue is full; 503, it took or waited too long.
            ClientDisconnected: the client disconnected first.
        """
        lane, stop = self._light if light else self._heavy, Stop()
        beginning = asyncio.Event()
        task = lane.start(work, stop, beginning)
        watch, turn = (
            asyncio.ensure_future(disconnection()),
            asyncio.ensure_future(beginning.wait()),
        )
        either: set[asyncio.Future[Any]] = {task, watch}
        try:
            for more, seconds in (({turn}, self.limits.waiting_seconds), ((), self.limits.seconds)):
                await asyncio.wait(
                    either.union(more), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if task.done():
                    return task.result()
                if watch.done():
                    raise ClientDisconnected
                if not beginning.is_set():
                    raise self._busy_too_long()
            raise self._too_slow()
        finally:
            watch.cancel()
            turn.cancel()
            # Removes it from the queue if it is still waiting, and otherwise asks it to stop.
            task.cancel()
            stop.give_up()
            # The error refers to this frame. If the frame referred to the error's future, both
            # would keep everything that was computed alive until Python collects such cycles.
            del task, either

    def _busy_too_long(self) -> HttpError:
        return HttpError(
            503,
            "Busy",
            f"The explorer was busy with other questions for {self.limits.waiting_seconds:g} "
            f"seconds and could not begin with this one. Ask again when the computer is less busy.",
            {"Retry-After": str(math.ceil(self.limits.seconds))},
        )

    def _too_slow(self) -> HttpError:
        return HttpError(
            503,
            "TooSlow",
            f"The answer was not ready after {self.limits.seconds:g} seconds of work. Ask for "
            f"less: a shorter text, a smaller beam, fewer edits, layers or queries; or ask again "
            f"when the computer is less busy.",
            {"Retry-After": str(math.ceil(self.limits.seconds))},
        )

    def close(self) -> bool:
        """Accept no more work, and ask running work to stop; return True if no thread is busy."""
        idle = [lane.close() for lane in (self._heavy, self._light)]
        return all(idle)


class _Lane:
    """Some threads with a queue."""

    def __init__(self, at_work: int, limits: ServerLimits, name: str) -> None:
        self.inside = 0
        self._at_work, self._waiting = at_work, limits.waiting
        self._threads = ThreadPoolExecutor(at_work, thread_name_prefix=name)
        self._stops: set[Stop] = set()

    def start(
        self, work: Callable[[], Result], stop: Stop, beginning: asyncio.Event
    ) -> asyncio.Future[Result]:
        """Start a piece of work and return the future of its result.

        Args:
            work: the function to call in a thread.
            stop: used to cancel the work.
            beginning: set when a thread has started the work.

        Raises:
            HttpError: 429, the queue is full.
        """
        if self.inside >= self._at_work + self._waiting:
            at_once = "1 question" if self._at_work == 1 else f"{self._at_work} questions"
            raise HttpError(
                429,
                "Busy",
                f"The explorer works on {at_once} of this kind at once and lets {self._waiting} "
                f"wait; all places are taken. Ask again in a second.",
                {"Retry-After": "1"},
            )
        loop = asyncio.get_running_loop()

        def ended(_: Future[Result]) -> None:
            # The loop may be closed already if a thread ends after the server.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._leave, stop)

        def in_turn() -> Result:
            if not loop.is_closed():
                loop.call_soon_threadsafe(beginning.set)
            return work()

        self.inside += 1
        self._stops.add(stop)
        future = self._threads.submit(until, stop, in_turn)
        future.add_done_callback(ended)
        return asyncio.wrap_future(future)

    def _leave(self, stop: Stop) -> None:
        self.inside -= 1
        self._stops.discard(stop)

    def close(self) -> bool:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for stop in self._stops:
            stop.give_up()
        return not self.inside
