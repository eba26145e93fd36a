"""The explorer over HTTP: its page, and a POST for every question.

    GET  /  /explorer.js  /explorer.css  /icon.svg     the page, from a fixed list of files
    GET  /enter.js                                     continues to the page after the first visit
    GET  /api/openapi.json                             the questions and their answers
    POST /api/QUESTION                                 parameters as JSON; JSON or a container

Every error is ``{"error": {"kind", "message"}}``, or a small HTML page for a browser at a wrong
address. No part of a request is ever used as a file name.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ...errors import ClearheadError, ConfigError, TraceError
from ...file_reading import FileProblem, parse_json
from ..contract.answers import Answering
from ..contract.arrays import encode, to_json
from ..contract.documents.openapi import CONTAINER, DOCUMENT, openapi
from ..contract.questions import OfflineQuestion, Question
from ..contract.reading import QUESTIONS, read_question
from ..contract.values import LIMITS
from ..offline.page import offline_answer
from .access import ENTER, Access
from .guard import Guard
from .limits import ClientDisconnected, HttpError, Workers
from .notices import error_json, notice, wants_page

_HERE = Path(__file__).parent.parent
# URL path -> file of the package and its type. No other files are served.
PAGE = {
    "/": ("built/index.html", "text/html; charset=utf-8"),
    "/explorer.js": ("built/explorer.js", "text/javascript; charset=utf-8"),
    "/explorer.css": ("built/explorer.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
    ENTER: ("enter.js", "text/javascript; charset=utf-8"),
}
# Questions that are answered almost at once by every explorer.
LIGHT = ("model", "words")


def create_app(
    explorer: Answering, *, port: int, workers: Workers, access: Access | None = None
) -> ASGIApp:
    """Make the application.

    Args:
        explorer: answers the questions; it is asked from several threads at once. Its `limits`, if
            it has them, bound the questions.
        port: that the server listens on, which requests must name in their Host header.
        workers: the threads, with the server's limits.
        access: the access control; without it, everyone is admitted.

    Raises:
        ConfigError: the package lacks the built page.
    """
    routes = [
        Route(f"/api/{name}", _endpoint(question, explorer, workers), methods=["POST"])
        for name, question in QUESTIONS.items()
    ]
    for path, (file, media_type) in PAGE.items():
        page_file = PageFile.read(_HERE / file, media_type)
        routes.append(Route(path, page_file.respond, methods=["GET"]))
    routes.append(Route(DOCUMENT, _describe, methods=["GET"]))
    app = Starlette(
        routes=routes,
        exception_handlers={HttpError: _on_refusal, HTTPException: _on_http, Exception: _on_fault},
    )
    app.router.redirect_slashes = False
    return Guard(app, port=port, limits=workers.limits, access=access)


def _endpoint(
    question_type: type[Question], explorer: Answering, workers: Workers
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint for one question."""
    limits = getattr(explorer, "limits", LIMITS)
    light = question_type.question in LIGHT

    async def endpoint(request: Request) -> Response:
        try:
            params = parse_json(await request.body())
        except FileProblem as problem:
            raise HttpError(
                422,
                "NotJSON",
                f"{request.url.path} came with a body that is not JSON: {problem.reason}. Send the "
                f"question's parameters as one JSON object.",
            ) from None
        try:
            question = read_question(question_type, params, limits)
        except ClearheadError as error:
            raise HttpError(
                422,
                "WrongParameters",
                f"{request.url.path} was asked with parameters that do not fit: {error} What "
                f"fits is at {DOCUMENT}.",
            ) from error
        try:
            return await workers.do(
                lambda: _answer(explorer, question), lambda: _disconnected(request), light=light
            )
        except ClientDisconnected:
            return Response(status_code=499)  # the client has gone

    return endpoint


def _answer(explorer: Answering, question: Question) -> Response:
    """Ask a question and encode its answer."""
    try:
        if isinstance(question, OfflineQuestion):
            answer = offline_answer(explorer, question)
        else:
            answer = explorer.answer(question.question, question)
    except ClearheadError as error:
        # A step that does not exist is "not found"; other errors do not fit the model or the text.
        status = 404 if isinstance(error, TraceError) else 400
        raise HttpError(status, type(error).__name__, str(error)) from error
    headers = {"Cache-Control": "no-store"}
    if answer.arrays:
        return Response(encode(answer.json, answer.arrays), 200, headers, CONTAINER)
    return Response(to_json(answer.json), 200, headers, "application/json")


async def _describe(request: Request) -> Response:
    return Response(to_json(openapi()), media_type="application/json")


async def _disconnected(request: Request) -> None:
    """Wait until the client disconnects."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True)
class PageFile:
    """A file of the page in memory, plain and compressed.

    Attributes:
        plain, compressed: the bytes, and their gzip.
        tag: the hash of its content, for caches.
        media_type: its type.
    """

    plain: bytes
    compressed: bytes
    tag: str
    media_type: str

    @classmethod
    def read(cls, path: Path, media_type: str) -> PageFile:
        """Read a file of the package.

        Raises:
            ConfigError: it does not exist.
        """
        try:
            plain = path.read_bytes()
        except FileNotFoundError as error:
            raise ConfigError(
                f"The explorer's page lacks {path}. In a clone, build it: npm ci && npm run build "
                f"in src/clearhead/explorer/front; otherwise install clearhead again."
            ) from error
        tag = hashlib.sha256(plain).hexdigest()[:20]
        return cls(plain, gzip.compress(plain, 9, mtime=0), tag, media_type)

    async def respond(self, request: Request) -> Response:
        """Respond with the file, compressed if the client accepts that, or with "not modified"."""
        compress = _accepts_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{self.tag}{"-gzip" * compress}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        cached = request.headers.get("if-none-match", "")
        if cached.strip() == "*" or tag in [each.strip() for each in cached.split(",")]:
            return Response(status_code=304, headers=headers)
        if compress:
            headers["Content-Encoding"] = "gzip"
        content = self.compressed if compress else self.plain
        return Response(content, 200, headers, self.media_type)


def _accepts_gzip(accepted: str) -> bool:
    for each in accepted.lower().split(","):
        name, _, quality = each.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


# Errors


async def _on_refusal(request: Request, error: Any) -> Response:
    return error_json(error.status, error.kind, error.message, error.headers)


async def _on_http(request: Request, error: Any) -> Response:
    headers = dict(error.headers or {})
    target = f"{request.method[:20]} {request.url.path[:100]}"
    questions = ", ".join(f"/api/{name}" for name in QUESTIONS)
    if error.status_code == 404 and wants_page(request.scope):
        return notice(
            404,
            "There is nothing here",
            f"Nothing of the explorer is at {request.url.path[:100]}.",
            link=("/", "To the page"),
        )
    if error.status_code == 404:
        return error_json(
            404,
            "NotFound",
            f"There is nothing at {target}. The page is at /, and questions are asked with "
            f"POST at: {questions}.",
        )
    methods = headers.get("allow", headers.get("Allow", ""))
    return error_json(405, "WrongMethod", f"{target} is not answered; use {methods}.", headers)


async def _on_fault(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this response, and the server logs its traceback.
    return error_json(
        500,
        "Fault",
        "clearhead made a mistake in answering this. The terminal in which it runs says where; "
        "please report that with what you asked.",
    )
