"""The explorer over HTTP: its page, and a POST for every question.

    GET  /  /explorer.js  /explorer.css  /icon.svg     the page, from a fixed list of files
    GET  /enter.js                                     goes on to the page after the first visit
    GET  /api/openapi.json                             the questions and their answers
    POST /api/QUESTION                                 parameters as JSON; JSON or a container

Every error is ``{"error": {"kind", "message"}}``, or a small page for a browser that has lost its
way. Nothing of a request ever names a file.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from ..._version import __version__
from ...errors import ClearheadError, ConfigError, TraceError
from ..contract.arrays import encode, to_json
from ..contract.schemas import ANSWERS, CONTAINER, ERROR, QUESTIONS, Question
from ..offline.answers import Answering
from ..offline.page import offline_answer
from .access import ENTER, Access
from .guard import Guard
from .limits import Gone, Refusal, Workers
from .notices import error_json, notice, wants_page

_HERE = Path(__file__).parent.parent
# Path of the address -> file of the package and its type. The only files that are ever served.
PAGE = {
    "/": ("built/index.html", "text/html; charset=utf-8"),
    "/explorer.js": ("built/explorer.js", "text/javascript; charset=utf-8"),
    "/explorer.css": ("built/explorer.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
    ENTER: ("enter.js", "text/javascript; charset=utf-8"),
}
# Questions that take next to no time, whoever answers them.
LIGHT = ("model", "words")
REASONS = {
    400: "What is asked does not fit the model or the text.",
    403: "The request comes from another page, or without the token.",
    404: "There is no such question, or no such step.",
    405: "Questions are asked with POST.",
    408: "The request's body did not come in time.",
    413: "The request's body is too long.",
    415: "The request's body is not named as JSON.",
    421: "The Host header is not this server's.",
    422: "The parameters are not those of the question.",
    429: "Too many questions at once.",
    431: "The address and the headers are too long.",
    503: "The answer took too long.",
}


def _parameters(question: Question) -> dict[str, Any]:
    """The question's parameters, without those that may be left out and were."""
    optional = ("layers", "beam_size")
    plain = question.model_dump()
    return {
        name: value for name, value in plain.items() if value is not None or name not in optional
    }


def create_app(
    explorer: Answering, *, port: int, workers: Workers, access: Access | None = None
) -> ASGIApp:
    """The application.

    Args:
        explorer: answers the questions; it is asked from several threads at once.
        port: that the server listens on, which requests must name in their Host header.
        workers: the threads, with the server's limits.
        access: who is let in; everyone without it.

    Raises:
        ConfigError: the package lacks the built page.
    """
    app = FastAPI(
        title="clearhead explorer",
        version=__version__,
        description="One sentence, and every number between it and its translation.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for name, parameters in QUESTIONS.items():
        _add_question(app, name, parameters, explorer, workers)
    for path, (file, media_type) in PAGE.items():
        page_file = PageFile.read(_HERE / file, media_type)
        app.add_route(path, page_file.respond, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_fault)
    return Guard(app, port=port, limits=workers.limits, access=access)


def _add_question(
    app: FastAPI, name: str, parameters: type[Question], explorer: Answering, workers: Workers
) -> None:
    def answered(params: dict[str, Any]) -> Response:
        try:
            if name == "offline":
                answer = offline_answer(explorer, params)
            else:
                answer = explorer.answer(name, params)
        except ClearheadError as error:
            # A step that does not exist is not found; all else does not fit the model or the text.
            status = 404 if isinstance(error, TraceError) else 400
            raise Refusal(status, type(error).__name__, str(error)) from error
        headers = {"Cache-Control": "no-store"}
        if answer.arrays:
            return Response(encode(answer.json, answer.arrays), 200, headers, CONTAINER)
        return Response(to_json(answer.json), 200, headers, "application/json")

    async def ask(question: Any, request: Request) -> Response:
        params = _parameters(question)
        try:
            return await workers.do(
                lambda: answered(params), lambda: _disconnected(request), light=name in LIGHT
            )
        except Gone:
            return Response(status_code=499)  # nobody reads it

    # FastAPI reads the parameters' type from the signature.
    ask.__annotations__["question"] = parameters
    app.post(
        f"/api/{name}",
        name=name,
        summary=(parameters.__doc__ or "").strip(),
        response_class=Response,
        responses=_documented(name),
    )(ask)


def _documented(name: str) -> dict[int | str, dict[str, Any]]:
    media_type = "application/json" if name in ANSWERS else CONTAINER
    schema = ANSWERS.get(name, {"type": "string", "format": "binary"})
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer.", "content": {media_type: {"schema": schema}}}
    }
    for status, reason in REASONS.items():
        content = {"application/json": {"schema": ERROR}}
        found[status] = {"description": reason, "content": content}
        if status in (429, 503):
            seconds = {"description": "Seconds to wait.", "schema": {"type": "string"}}
            found[status]["headers"] = {"Retry-After": seconds}
    return found


async def _disconnected(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True)
class PageFile:
    """A file of the page, in memory as it is and compressed.

    Attributes:
        plain, packed: the bytes, and their gzip.
        tag: of its content, for caches.
        media_type: its type.
    """

    plain: bytes
    packed: bytes
    tag: str
    media_type: str

    @classmethod
    def read(cls, path: Path, media_type: str) -> PageFile:
        """Read a file of the package.

        Raises:
            ConfigError: it is not there.
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
        """The file, compressed where the client takes that, or word that it has not changed."""
        packed = _accepts_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{self.tag}{"-gzip" * packed}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        known = request.headers.get("if-none-match", "")
        if known.strip() == "*" or tag in [each.strip() for each in known.split(",")]:
            return Response(status_code=304, headers=headers)
        if packed:
            headers["Content-Encoding"] = "gzip"
        content = self.packed if packed else self.plain
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
    asked = f"{request.method[:20]} {request.url.path[:100]}"
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
            f"There is nothing at {asked}. The page is at /, and questions are asked with "
            f"POST at: {questions}.",
        )
    if error.status_code == 405:
        allowed = headers.get("allow", headers.get("Allow", ""))
        return error_json(405, "WrongMethod", f"{asked} is not answered; use {allowed}.", headers)
    return error_json(
        422,
        "NotJSON",
        f"{asked} came with a body that is not JSON. Send the question's parameters as one "
        f"JSON object.",
    )


async def _on_invalid(request: Request, error: Any) -> Response:
    problems = "; ".join(_problem(each) for each in error.errors()[:3])
    return error_json(
        422,
        "WrongParameters",
        f"{request.url.path} was asked with parameters that do not fit: {problems}. "
        f"What fits is at /api/openapi.json.",
    )


def _problem(found: dict[str, Any]) -> str:
    location: Sequence[Any] = [each for each in found["loc"] if each != "body"]
    if found["type"] == "json_invalid":
        return "the body is not JSON"
    where = ".".join(str(each)[:40] for each in location) or "the body"
    given = found.get("input")
    if found["type"] == "string_too_long" and isinstance(given, str):
        most = found["ctx"]["max_length"]
        return f"{where}: {most:,} characters are taken, and {len(given):,} came; give a part of it"
    shown = f" (it is {given!r})" if isinstance(given, int | float | bool) else ""
    if isinstance(given, int) and abs(given) > 10**15:
        shown = ""
    return f"{where}: {found['msg'][:200]}{shown}"


async def _on_fault(request: Request, error: Any) -> Response:
    # Starlette raises it again when this is sent, and the server writes its traceback.
    return error_json(
        500,
        "Fault",
        "clearhead made a mistake in answering this. The terminal in which it runs says where; "
        "please report that with what you asked.",
    )
