"""The page: its questions over HTTP, and the messages of its widget."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

from .models import model_folder
from .target import Target


@cache
def _explorer() -> Any:
    from clearhead.explorer import explorer_of

    return explorer_of(model_folder())


@contextlib.contextmanager
def _no_faults() -> Iterator[None]:
    """Raise what the explorer writes into its log as a fault of its own."""
    faults: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            faults.append(self.format(record))

    handler = Handler(logging.ERROR)
    loggers = [logging.getLogger(name) for name in ("clearhead", "uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    assert not faults, faults[0]


def _widget(content: bytes) -> object:
    from clearhead.explorer.widget import reply_to

    try:
        message = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    with _no_faults():
        reply, _ = reply_to(_explorer(), message)
    assert reply.get("error", {}).get("kind") != "Fault", reply
    return reply


@cache
def _application() -> Any:
    from clearhead.explorer.server.access import Access
    from clearhead.explorer.server.app import create_app
    from clearhead.explorer.server.limits import ServerLimits, Workers

    return create_app(
        _explorer(),
        port=_PORT,
        workers=Workers(ServerLimits(waiting=10_000)),
        access=Access("token", port=_PORT),
    )


def _http(content: bytes) -> object:
    """Ask what the first line says (method, path, more headers), with the rest as the body."""
    import httpx

    head, _, body = content.partition(b"\n")
    method, _, path = head.decode("latin-1").partition(" ")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=_application())
        headers = {"authorization": "token token", "content-type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url=_BASE, timeout=60) as client:
            return await client.request(method, path, content=body, headers=headers)

    try:
        httpx.URL(_BASE).join(path)
        method.encode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return None  # no client could send it
    if not path.startswith("/") or path.startswith("//") or not method.isalpha():
        return None
    with _no_faults():
        response = asyncio.run(ask())
    assert response.status_code not in (500, 501, 502), response.text
    if response.status_code >= 400 and method != "HEAD":
        assert "Traceback" not in response.text
    return response.status_code


_PORT = 8017
_BASE = f"http://127.0.0.1:{_PORT}"
_RUN = {"text": "the old house", "target": None, "sentence": 0, "beam_size": 2, "edits": []}
_QUESTIONS: dict[str, dict[str, Any]] = {
    "model": {},
    "run": _RUN,
    "words": {"query": "old"},
    "neighbours": {"token": 5, "stack": "encoder", "count": 3},
    "array": {"run": _RUN, "items": [{"path": "logits", "window": [[0, 1], [0, 5]]}]},
    "overview": {"run": _RUN, "part": "cross", "layers": None},
    "lens": {"run": _RUN, "position": 0, "token": 5, "most": 3, "count": 2},
}


def _requests() -> list[bytes]:
    asked = [
        f"POST /api/{name}\n{json.dumps(params)}".encode() for name, params in _QUESTIONS.items()
    ]
    return [*asked, b"GET /", b"GET /api/openapi.json", b"GET /explorer.js", b"HEAD /?token=token"]


def _messages() -> list[bytes]:
    return [
        json.dumps({"id": 1, "question": name, "params": params}).encode()
        for name, params in _QUESTIONS.items()
    ]


class _Wire(asyncio.Transport):
    """The server's end of a connection: what it writes is collected."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", _PORT)})
        self.content, self.closed = bytearray(), False

    def write(self, data: Any) -> None:
        self.content += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close
    pause_reading = resume_reading = lambda self: None

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


async def _exchange(content: bytes) -> bytes:
    """Send bytes to the server's protocol in two parts; return what it answers."""
    import h11
    from uvicorn.server import ServerState

    from clearhead.explorer.server.limits import ServerLimits
    from clearhead.explorer.server.serve import configure

    limits = ServerLimits(body_seconds=1.0)
    config = configure(_application(), limits)
    config.load()
    wire, state = _Wire(), ServerState()
    protocol = config.http_protocol_class(config=config, server_state=state, app_state={})
    protocol.connection_made(wire)
    middle = len(content) // 2
    for part in (content[:middle], content[middle:]):
        if part and not wire.closed:  # a loop never tells of no bytes
            protocol.data_received(part)
            await asyncio.sleep(0)
    whole = protocol.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
    if state.tasks and whole:
        await asyncio.wait(state.tasks, timeout=60)
    if not wire.closed:
        protocol.eof_received()
    protocol.connection_lost(None)  # half of a request is waited for no longer
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=60)
    assert not state.tasks, "a request is still at work whose client has gone"
    return bytes(wire.content)


def _connection(content: bytes) -> object:
    with _no_faults():
        answer = asyncio.run(_exchange(content))
    status = answer[9:12]
    assert not answer or (answer.startswith(b"HTTP/1.1 ") and status.isdigit()), answer
    assert status not in (b"500", b"501", b"502"), answer
    assert b"Traceback" not in answer
    return status


def _raw_requests() -> list[bytes]:
    head = (
        f"Host: 127.0.0.1:{_PORT}\r\nAuthorization: token token\r\n"
        f"Content-Type: application/json\r\n"
    ).encode()
    return [
        b"GET / HTTP/1.1\r\n" + head + b"\r\n",
        b"POST /api/words HTTP/1.1\r\n" + head + b'Content-Length: 15\r\n\r\n{"query": "ho"}',
        b"POST /api/words HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n"
        b'8\r\n{"query"\r\n7\r\n: "ho"}\r\n0\r\n\r\n',
        b"POST /api/model HTTP/1.1\r\n" + head + b"Expect: 100-continue\r\n"
        b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    ]


TARGETS = (
    Target("http", _requests, _http),
    Target("connection", _raw_requests, _connection),
    Target("widget", _messages, _widget, True),
)
