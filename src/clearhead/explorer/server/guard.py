"""Checks every request before the application: its origin and its size; adds security headers.

Any web page can make a browser send requests to this computer's loopback, and can reach it under a
host name of its own (DNS rebinding). So the Host header must be one of ours, and a request that
changes or computes something must come from our own page.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import Access
from .limits import HttpError, ServerLimits
from .notices import error_content

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SECURITY = [(name.encode(), value.encode()) for name, value in SECURITY.items()]
READING = ("GET", "HEAD", "OPTIONS")
# A body that is too long is read up to this many times the limit and discarded, because a client
# that is cut off while sending may never see the answer.
READ_ON = 8


@dataclass(frozen=True)
class Body:
    """A request's body, or the fact that it was too long."""

    content: bytes
    too_long: bool


def hosts_of(port: int) -> frozenset[str]:
    """Return the Host headers that name a server on this port of the loopback."""
    names = ("127.0.0.1", "localhost")
    short = names if port == 80 else ()  # a browser omits HTTP's default port
    return frozenset((*(f"{name}:{port}" for name in names), *short))


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: the application.
        port: that the server listens on.
        limits: of bodies.
        access: the access control; without it, everyone is admitted.
    """

    def __init__(
        self, app: ASGIApp, *, port: int, limits: ServerLimits, access: Access | None = None
    ) -> None:
        self._app, self._port, self._limits = app, port, limits
        self._access = access or Access("", port=port)
        self._hosts = hosts_of(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_SECURITY]}
            await send(message)

        try:
            body = await self._body(receive)
            if body is None:
                return
            self._check_name_and_size(scope)
            answer = self._access.answer(scope)
            if answer is None:
                self._check_question(scope, body)
        except HttpError as refusal:
            await _refuse(refusal, send_secured)
            return
        if answer is not None:
            await answer(scope, receive, send_secured)
            return
        await self._app(scope, _again(body, receive), send_secured)

    async def _body(self, receive: Receive) -> Body | None:
        """Read the body within limits of size and time; None if the client disconnected."""
        content = bytearray()
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part = message.get("body", b"")
                    size += len(part)
                    too_long = size > self._limits.body_bytes
                    if too_long:
                        content.clear()
                    else:
                        content += part
                    ended = not message.get("more_body", False)
                    if ended or size > READ_ON * self._limits.body_bytes:
                        return Body(bytes(content), too_long)
        except TimeoutError:
            raise HttpError(
                408,
                "TooSlow",
                f"The request's body had not come whole after {self._limits.body_seconds:g} "
                f"seconds. Send it again.",
                {"Connection": "close"},
            ) from None

    def _check_name_and_size(self, scope: Scope) -> None:
        """Raise HttpError unless the request names this server and its headers are short enough."""
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise HttpError(
                421,
                "WrongHost",
                f"This server answers as http://127.0.0.1:{self._port} and "
                f"http://localhost:{self._port} alone, to keep other sites out; the request was "
                f"for {', '.join(hosts)[:100] or 'no host'}. Through a tunnel, keep the port "
                f"number the same on both ends.",
            )
        long = sum(len(name) + len(value) for name, value in scope["headers"])
        long += len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
        if long > self._limits.header_bytes:
            raise HttpError(
                431,
                "TooLarge",
                f"The address and the headers of a request may have {self._limits.header_bytes} "
                f"bytes together; these have {long}. What is long belongs into the body.",
            )

    def _check_question(self, scope: Scope, body: Body) -> None:
        """Raise HttpError unless our page or a program sent the body, as JSON and short enough."""
        if scope["method"] not in READING:
            self._check_origin(scope)
        if body.too_long:
            raise HttpError(
                413,
                "TooLarge",
                f"A request's body may have {self._limits.body_bytes} bytes; this one has more. "
                f"Ask with a shorter text, or for less at once.",
                {"Connection": "close"},
            )
        if scope["method"] == "POST":
            _check_type(scope)

    def _check_origin(self, scope: Scope) -> None:
        origins = _values(scope, b"origin")
        sites = _values(scope, b"sec-fetch-site")
        ours = f"http://{_values(scope, b'host')[0].lower()}"
        foreign = [origin for origin in origins if origin.lower() != ours]
        foreign += [site for site in sites if site not in ("same-origin", "none")]
        if foreign:
            raise HttpError(
                403,
                "WrongOrigin",
                f"Questions are taken from the explorer's own page, {ours}, and from programs; "
                f"this one was sent by another page ({foreign[0][:100]}). Open {ours} and ask "
                f"there.",
            )


def _check_type(scope: Scope) -> None:
    types = _values(scope, b"content-type")
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != "application/json":
        raise HttpError(
            415,
            "WrongType",
            f"A question is JSON: send it with the header Content-Type: application/json. "
            f"This one came as {', '.join(types)[:100] or 'nothing named'}.",
        )


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def _again(body: Body, receive: Receive) -> Receive:
    """Return a receive function that repeats the body, and then passes on further messages."""
    is_sent = False

    async def receive_again() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body.content, "more_body": False}

    return receive_again


async def _refuse(refusal: HttpError, send: Send) -> None:
    content = error_content(refusal.kind, refusal.message)
    headers = {
        "content-type": "application/json",
        "content-length": str(len(content)),
        "cache-control": "no-store",
        **{name.lower(): value for name, value in refusal.headers.items()},
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})
