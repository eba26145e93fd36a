"""Access control of the page: a token shown only in the terminal, and a cookie afterwards.

Every user with an account on this computer can reach the loopback interface. So the printed address
contains a token that cannot be guessed; a browser that opens it is given a cookie, and every path
requires one of the two. A program sends the token in a header.
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
# Values of Sec-Fetch-Site for a request that no other site has started.
OWN = (b"none", b"same-origin")
# A script that continues to the page without the token in its address.
ENTER = "/enter.js"
MESSAGE = (
    "This explorer answers those who know its token. Open the address that the terminal printed "
    "when it started: it ends in ?token= and a row of letters. A program sends the header "
    "Authorization: token TOKEN."
)


class Access:
    """The token of one server, and the ways for a request to present it.

    Args:
        token: None for a random one; empty to admit everyone who reaches the server.
        port: of the server. It is part of the cookie's name, because browsers share a host's
            cookies among all ports.

    Attributes:
        token: the token.
    """

    def __init__(self, token: str | None, *, port: int) -> None:
        self.token = secrets.token_urlsafe(24) if token is None else token
        self._name = f"clearhead-{port}"
        # The digest of a token can stand in a cookie, whatever characters the token has.
        self._cookie = hashlib.sha256(f"clearhead:{self.token}".encode()).hexdigest()
        self._once: set[str] = set()

    @property
    def query(self) -> str:
        """The query of the page's address: ``?token=...``, or empty if everyone is admitted."""
        return f"?{PARAMETER}={quote(self.token, safe='')}" if self.token else ""

    def query_once(self) -> str:
        """Return the same with a new token that is accepted only once.

        A browser is started with the address on its command line, which every user of the computer
        can see as long as the browser runs.
        """
        if not self.token:
            return ""
        token = secrets.token_urlsafe(24)
        self._once.add(token)
        return f"?{PARAMETER}={token}"

    def answer(self, scope: Scope) -> Response | None:
        """Return the response to a request that is refused; None for one that may pass.

        A page visitor who presents the token is given the cookie, and redirected to the same
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
        """Return whether the address has the token, or one that is accepted once."""
        tokens = [value for _, value in _query(scope, PARAMETER)]
        for once in self._once & set(tokens):
            self._once.discard(once)
            return True
        return any(_same(value.encode(), self.token.encode()) for value in tokens)

    def _has_cookie_or_header(self, scope: Scope) -> bool:
        """Return whether the cookie or the header for programs has the token."""
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
        # For a link on another site, a redirect would still count as that site's, and the browser
        # would withhold a strict cookie. A page of ours that continues by script is not affected.
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
        # After a link on another site the cookie was withheld; the script is sent to who has it.
        script=ENTER,
    )


def _query(scope: Scope, name: str | None = None) -> list[tuple[str, str]]:
    """Return the names and values in the query of the address, or only those of one name."""
    text = (scope.get("query_string") or b"").decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
    return [pair for pair in pairs if name in (None, pair[0])]


def _headers(scope: Scope, name: bytes) -> Iterator[bytes]:
    return (value for key, value in scope["headers"] if key == name)


def _same(one: bytes, other: bytes) -> bool:
    """Return whether two values are equal, in constant time."""
    return secrets.compare_digest(one, other)
