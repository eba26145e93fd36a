"""Who may see the page: a token that only the terminal shows, and a cookie after the first visit.

The loopback belongs to everyone who has an account on this computer. So the printed
address ends in a token that cannot be guessed, a browser that opens it is given a cookie, and every
path needs one of the two. A program sends the token in a header.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import Response
from starlette.types import Scope

from .notices import error_json, notice, wants_page

PARAMETER = "token"
SCHEMES = (b"token", b"bearer")
# What a browser says of a request that nobody else's page has begun.
OWN = (b"none", b"same-origin")
# Goes on to the page without the token in its address.
ENTER = "/enter.js"
MESSAGE = (
    "This explorer answers those who know its token. Open the address that the terminal printed "
    "when it started: it ends in ?token= and a row of letters. A program sends the header "
    "Authorization: token TOKEN."
)


class Access:
    """The token of one server, and the ways in which a request may present it.

    Args:
        token: None for a random one; empty to let everyone in who reaches the server.
        port: of the server. Browsers keep the cookies of all ports of a host together, so the
            cookie's name holds it.

    Attributes:
        token: the token.
    """

    def __init__(self, token: str | None, *, port: int) -> None:
        self.token = secrets.token_urlsafe(24) if token is None else token
        self._name = f"clearhead-{port}"
        # Whatever characters a token has, its digest may stand in a cookie.
        self._cookie = hashlib.sha256(f"clearhead:{self.token}".encode()).hexdigest()
        self._once: set[str] = set()

    @property
    def query(self) -> str:
        """The query of the page's address: ``?token=...``, or nothing where all are let in."""
        return f"?{PARAMETER}={quote(self.token, safe='')}" if self.token else ""

    def query_once(self) -> str:
        """Return the same with a new token that is accepted once only.

        A browser is started with its address on its command line, which every user of the
        computer can list for as long as the browser runs.
        """
        if not self.token:
            return ""
        token = secrets.token_urlsafe(24)
        self._once.add(token)
        return f"?{PARAMETER}={token}"

    def answer(self, scope: Scope) -> Response | None:
        """Return the answer to a request that may not pass; None for one that may.

        A visitor of the page who brings the token is given the cookie, and sent on to the same
        address without the token.
        """
        if not self.token:
            return None
        has_token = self._has_token(scope)
        if not has_token and not self._has_cookie_or_header(scope):
            return _refusal(scope)
        if scope["path"] == "/" and scope["method"] in ("GET", "HEAD") and _query(scope, PARAMETER):
            return self._sent_on(scope, give_cookie=has_token)
        return None

    def _has_token(self, scope: Scope) -> bool:
        """Tell whether the address has the token, or one that is accepted once."""
        tokens = [value for _, value in _query(scope, PARAMETER)]
        for once in self._once & set(tokens):
            self._once.discard(once)
            return True
        return any(_same(value.encode(), self.token.encode()) for value in tokens)

    def _has_cookie_or_header(self, scope: Scope) -> bool:
        """Tell whether the cookie or the header for programs shows the token."""
        for value in _headers(scope, b"authorization"):
            scheme, _, token = value.strip().partition(b" ")
            if scheme.lower() in SCHEMES and _same(token.strip(), self.token.encode()):
                return True
        for value in _headers(scope, b"cookie"):
            for each in value.split(b";"):
                name, _, cookie = each.strip().partition(b"=")
                if name == self._name.encode() and _same(cookie, self._cookie.encode()):
                    return True
        return False

    def _sent_on(self, scope: Scope, *, give_cookie: bool) -> Response:
        rest = urlencode([pair for pair in _query(scope) if pair[0] != PARAMETER])
        address = f"/?{rest}" if rest else "/"
        headers = {"Cache-Control": "no-store"}
        if give_cookie:
            headers["Set-Cookie"] = (
                f"{self._name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"
            )
        sites = _headers(scope, b"sec-fetch-site")
        if all(site.strip() in OWN for site in sites):
            return Response(status_code=303, headers={**headers, "Location": address})
        # From a link on another site: a redirect would still count as that site's, and the
        # browser would keep a strict cookie back. A page of ours that goes on by itself does not.
        page = notice(
            200,
            "On to the page",
            "The explorer opens by itself.",
            link=(address, "Open it"),
            script=ENTER,
        )
        page.headers.update(headers)
        return page


def _refusal(scope: Scope) -> Response:
    if not wants_page(scope):
        return error_json(403, "NoToken", MESSAGE)
    return notice(
        403,
        "This page is private",
        "This is a clearhead explorer. On a computer that others use, too, it answers those alone "
        "who know its token.",
        "Open the address that the terminal printed when it started: it ends in ?token= and a "
        "row of letters. This browser then remembers it until that explorer ends.",
        link=("/", "Try again"),
        # After a link on another site the cookie was kept back; the script is sent to who has it.
        script=ENTER,
    )


def _query(scope: Scope, name: str | None = None) -> list[tuple[str, str]]:
    """Return the names and values behind the ? of the address, or those of one name."""
    text = (scope.get("query_string") or b"").decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
    return [pair for pair in pairs if name in (None, pair[0])]


def _headers(scope: Scope, name: bytes) -> Iterator[bytes]:
    return (value for key, value in scope["headers"] if key == name)


def _same(one: bytes, other: bytes) -> bool:
    """Tell whether they are equal, in a time that does not depend on where they differ."""
    return secrets.compare_digest(one, other)
