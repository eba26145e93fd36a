"""Error responses: a small HTML page for a browser, JSON for a program."""

from __future__ import annotations

import html
import json

from starlette.responses import Response
from starlette.types import Scope

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} - clearhead</title>
{script}</head>
<body>
<h1>{title}</h1>
{paragraphs}
</body>
</html>
"""


def error_content(kind: str, message: str) -> bytes:
    """Return an error as JSON, escaped so that lone surrogates in a message are harmless."""
    return json.dumps({"error": {"kind": kind, "message": message}}).encode()


def error_json(
    status: int, kind: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    """Return an error response as JSON, which caches must not store."""
    headers = {**(headers or {}), "Cache-Control": "no-store"}
    return Response(error_content(kind, message), status, headers, "application/json")


def wants_page(scope: Scope) -> bool:
    """Return whether a browser shows the response, as opposed to the answer to a question."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    path = scope["path"]
    return b"text/html" in accepted.lower() and path != "/api" and not path.startswith("/api/")


def notice(
    status: int,
    title: str,
    *paragraphs: str,
    link: tuple[str, str],
    script: str | None = None,
) -> Response:
    """Return an HTML page with a short text.

    Args:
        status: the HTTP status.
        title: its heading.
        paragraphs: plain text, which may contain parts of the request.
        link: an address of this server, and the link's text.
        script: the address of a script of this server.
    """
    address, label = map(html.escape, link)
    texts = [f"<p>{html.escape(each)}</p>" for each in paragraphs]
    content = _PAGE.format(
        title=html.escape(title),
        script=f'<script src="{html.escape(script)}"></script>\n' if script else "",
        paragraphs="\n".join([*texts, f'<p><a href="{address}">{label}</a></p>']),
    )
    headers = {"Cache-Control": "no-store"}
    return Response(content, status, headers, "text/html; charset=utf-8")
