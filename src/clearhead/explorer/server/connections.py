"""Closes idle connections: uvicorn's protocol with a time limit on every wait.

uvicorn waits forever for the first request of a connection, and for the rest of a request's line
and headers, and it keeps an answer as long as nobody reads it. A few hundred silent connections
would keep everyone else out.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .limits import ServerLimits

_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\n\r\n"
    b"The request's line and headers did not come in time. Send it again."
)


class BoundedProtocol(H11Protocol):
    """One connection.

    It is closed if a request's line and headers are not complete in time, counted from the opening
    or from the request's first byte, and aborted if the client reads nothing of an answer for a
    while. While a question is being computed, no time is counted here.
    """

    limits = ServerLimits()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._headers_due: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.sockets:
            transport.abort()
            return
        self._watch_headers()
        self._watch_reader(0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of the closed connection."""
        super().connection_lost(exc)
        for timer in (self._headers_due, self._reading):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Receive bytes of a request."""
        super().data_received(data)
        self._watch_headers()

    def _watch_headers(self) -> None:
        """Start the timer while a request is incomplete, and only then."""
        at_work = self.cycle is not None and not self.cycle.response_complete
        if at_work or self.transport.is_closing():
            if self._headers_due is not None:
                self._headers_due.cancel()
                self._headers_due = None
        elif self._headers_due is None:
            self._headers_due = self.loop.call_later(self.limits.header_seconds, self._late)

    def _late(self) -> None:
        """Close a connection whose request has not arrived in time."""
        self._headers_due = None
        at_work = self.cycle is not None and not self.cycle.response_complete
        if at_work or self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self.transport.write(_LATE)
        self.transport.close()

    def _watch_reader(self, before: int) -> None:
        """Check repeatedly whether the client has read some of the sent data."""
        unread = self.transport.get_write_buffer_size()
        if unread and unread == before:
            self.transport.abort()
            return
        self._reading = self.loop.call_later(self.limits.unread_seconds, self._watch_reader, unread)


def protocol_of(limits: ServerLimits) -> type[BoundedProtocol]:
    """Return the protocol with these limits; uvicorn creates one object per connection."""
    return type("Protocol", (BoundedProtocol,), {"limits": limits})
