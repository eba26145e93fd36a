"""Who may ask the explorer's server, how much, and what every answer carries."""

from __future__ import annotations

import asyncio
import json

import pytest

from clearhead.explorer.server.guard import POLICY, SECURITY, Guard, hosts_of
from clearhead.explorer.server.limits import ServerLimits

LIMITS = ServerLimits(body_bytes=1000, body_seconds=0.2, header_bytes=2000)
JSON = [("content-type", "application/json")]
OURS = [("host", "127.0.0.1:8017")]


class Inner:
    """The application behind the guard: it says what body it got."""

    def __init__(self):
        self.bodies = []

    async def __call__(self, scope, receive, send):
        message = await receive()
        self.bodies.append(message["body"])
        assert not message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"inner"})


def ask(method="POST", headers=(), parts=(b"{}",), *, port=8017, ends=True, leaves=False):
    """One request in parts; its status, headers and body, and what the application saw."""
    inner, responses = Inner(), []
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    messages = [
        {"type": "http.request", "body": part, "more_body": number + 1 < len(parts) or not ends}
        for number, part in enumerate(parts)
    ]
    remaining = iter(messages)

    async def receive():
        message = next(remaining, None)
        if message is not None:
            return message
        if leaves:
            return {"type": "http.disconnect"}
        return await asyncio.Event().wait()

    async def send(message):
        responses.append(message)

    asyncio.run(Guard(inner, port=port, limits=LIMITS)(scope, receive, send))
    if not responses:
        return None, {}, b"", inner
    answer_headers = {name.decode(): value.decode() for name, value in responses[0]["headers"]}
    return (
        responses[0]["status"],
        answer_headers,
        b"".join(part["body"] for part in responses[1:]),
        inner,
    )


def error_of(body):
    return json.loads(body)["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:8017", "localhost:8017", "LocalHost:8017"])
def test_our_names_are_answered_and_every_answer_is_secured(host):
    status, headers, body, inner = ask(headers=[("host", host), *JSON])
    assert (status, body, inner.bodies) == (200, b"inner", [b"{}"])
    assert headers == {"x": "y", **SECURITY}


def test_the_policy_is_without_exceptions():
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert set(SECURITY) == {
        "content-security-policy", "x-content-type-options", "referrer-policy",
        "cross-origin-opener-policy", "cross-origin-resource-policy",
    }  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["rebound.example:8017"],
        ["127.0.0.1"],
        ["127.0.0.1:8018"],
        ["localhost:8017.example.org"],
        ["127.0.0.1:8017@example.org"],
        ["0.0.0.0:8017"],
        ["[::1]:8017"],
        ["127.0.0.1:8017", "rebound.example"],
        ["\xff"],
        [""],
    ],
)
def test_other_names_are_refused(method, hosts):
    headers = [*JSON, *(("host", host) for host in hosts)]
    status, answer_headers, body, inner = ask(method, headers)
    assert (status, inner.bodies) == (421, [])
    assert SECURITY.items() <= answer_headers.items()
    error = error_of(body)
    assert error["kind"] == "WrongHost"
    assert error["message"].startswith(
        "This server answers as http://127.0.0.1:8017 and http://localhost:8017 alone"
    )


def test_the_port_of_http_itself_may_be_left_out():
    assert hosts_of(80) == {"127.0.0.1", "localhost", "127.0.0.1:80", "localhost:80"}
    assert ask(headers=[("host", "localhost"), *JSON], port=80)[0] == 200


@pytest.mark.parametrize(
    "foreign",
    [
        ("origin", "http://evil.example"),
        ("origin", "https://127.0.0.1:8017"),
        ("origin", "http://127.0.0.1:8018"),
        ("origin", "http://localhost:8017"),  # another site than the one that is asked
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_questions_from_other_pages_are_refused(foreign):
    status, _, body, inner = ask(headers=[*OURS, *JSON, foreign])
    assert (status, inner.bodies) == (403, [])
    assert error_of(body) == {
        "kind": "WrongOrigin",
        "message": "Questions are taken from the explorer's own page, http://127.0.0.1:8017, and "
        f"from programs; this one was sent by another page ({foreign[1]}). Open "
        "http://127.0.0.1:8017 and ask there.",
    }
    # Opening the page from a link elsewhere is no question.
    assert ask("GET", [*OURS, foreign])[0] == 200


@pytest.mark.parametrize(
    "ours",
    [
        [],
        [("origin", "http://127.0.0.1:8017"), ("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "none")],
    ],
)
def test_our_page_and_programs_may_ask(ours):
    assert ask(headers=[*OURS, *JSON, *ours])[0] == 200


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        ["text/plain"],
        ["application/x-www-form-urlencoded"],
        ["application/json-seq"],
        ["application/json", "text/plain"],
    ],
)
def test_what_a_form_could_send_is_no_question(kinds):
    status, _, body, inner = ask(headers=[*OURS, *(("content-type", kind) for kind in kinds)])
    assert (status, inner.bodies) == (415, [])
    assert "Content-Type: application/json" in error_of(body)["message"]


def test_json_with_its_encoding_is_json():
    assert ask(headers=[*OURS, ("content-type", "Application/JSON; charset=utf-8")])[0] == 200


def test_long_headers_are_refused():
    assert ask("GET", [*OURS, ("cookie", "x" * 1960)])[0] == 200
    status, _, body, inner = ask("GET", [*OURS, ("cookie", "x" * 1990)])
    assert (status, inner.bodies) == (431, [])
    assert "2000 bytes together; these have 2014" in error_of(body)["message"]


@pytest.mark.parametrize("sizes", [[1000], [1, 999], [0, 500, 0, 500]])
def test_a_body_of_the_limit_comes_whole(sizes):
    parts = [b"x" * size for size in sizes]
    assert ask(headers=[*OURS, *JSON], parts=parts)[3].bodies == [b"x" * 1000]


@pytest.mark.parametrize("sizes", [[1001], [400] * 3, [999, 2], [100] * 1000])
def test_a_longer_body_is_refused_however_it_is_cut(sizes):
    status, answer_headers, body, inner = ask(
        headers=[*OURS, *JSON], parts=[b"x" * n for n in sizes]
    )
    assert (status, inner.bodies, answer_headers["connection"]) == (413, [], "close")
    assert error_of(body)["message"].startswith(
        "A request's body may have 1000 bytes; this one has more."
    )


def test_an_endless_body_is_cut_off():
    """It is refused at a bound; the parts that would follow are never read."""
    assert ask(headers=[*OURS, *JSON], parts=[b"x" * 1001] * 8, ends=False)[0] == 413


def test_a_body_that_does_not_come_is_refused():
    status, answer_headers, body, inner = ask(headers=[*OURS, *JSON], parts=[b"{"], ends=False)
    assert (status, inner.bodies, answer_headers["connection"]) == (408, [], "close")
    assert "had not come whole after 0.2 seconds" in error_of(body)["message"]


def test_who_leaves_while_sending_is_not_answered():
    status, _, _, inner = ask(headers=[*OURS, *JSON], parts=[b"{"], ends=False, leaves=True)
    assert (status, inner.bodies) == (None, [])
