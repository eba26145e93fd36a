"""Whatever comes is answered or refused in words: never a fault, never a traceback.

Each table is one kind of oddness, and each entry of it is asked of a translation model and of a
recording, over HTTP and with the token.
"""

from __future__ import annotations

import asyncio
import copy
import json

import httpx
import pytest

from clearhead.explorer.contract.documents.openapi import REASONS
from clearhead.explorer.contract.reading import QUESTIONS
from clearhead.explorer.server.access import Access
from clearhead.explorer.server.app import PAGE, create_app
from clearhead.explorer.server.limits import ServerLimits, Workers

TOKEN = "known"
BASE = "http://127.0.0.1:8017"
KNOWN = {"authorization": f"token {TOKEN}"}
JSON = {**KNOWN, "content-type": "application/json"}
RUN = {"text": "the old house", "target": None, "sentence": 0, "beam_size": 2, "edits": []}
HEAD = {"part": "cross", "layer": 0, "head": 0, "query": 0}
PLAIN = {
    "model": {},
    "run": RUN,
    "words": {"query": "old"},
    "neighbours": {"token": 5, "stack": "encoder", "count": 3},
    "beam": {"run": RUN, "beam_size": 2},
    "array": {
        "run": RUN,
        "items": [{"path": "logits", "window": [[0, 1], [0, 1], [0, 5]]}],
        "loss_position": 0,
    },
    "overview": {"run": RUN, "part": "cross", "layers": None},
    "head_kinds": {"run": RUN, "part": "cross", "layers": None},
    "effects": {"run": RUN, **HEAD, "position": 0, "most": 3},
    "lens": {"run": RUN, "position": 0, "token": 5, "most": 3, "count": 2},
    "gradients": {"run": RUN, "position": 0},
    "alignment": {"run": RUN},
    "discovery": {"run": RUN, "kind": "hide_word"},
    "sweep": {},
    "offline": {"run": RUN, "state": "#view=heads"},
}
ODD = [
    None, True, False, 0, 1, -1, 2, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400,
    0.5, -0.0, 1e308, 5e-324, "", " ", "0", "\x00", "\ud800", "é" * 50, "a\nb", "😀", "\u202e",
    "__proto__", "../../etc/passwd", "%s%n{0}", "x" * 300, [], [[]], [None], [0], [0, 0], [1, 0],
    [2**31, 2**40], {}, {"text": "a"}, {"": 1}, {"__class__": 1},
]  # fmt: skip


# A token in the page's address is taken out of it.
ANSWERED = {200, 303, 304, *REASONS} - {500, 503}


class Asked:
    """An application that answers over HTTP, in one loop for all of a test."""

    def __init__(self, explorer):
        self._explorer = explorer

    def __call__(self, requests):
        async def run():
            app = create_app(
                self._explorer,
                port=8017,
                workers=Workers(ServerLimits(waiting=10_000)),
                access=Access(TOKEN, port=8017),
            )
            # An error that the application does not answer itself is raised, and fails the test.
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=120) as one:
                return [await one.request(method, path, **more) for method, path, more in requests]

        return asyncio.run(run())


@pytest.fixture(scope="module")
def recorded():
    torch = pytest.importorskip("torch")
    from clearhead.explorer.recordings.explorer import RecordingExplorer
    from clearhead.maps import AttentionMap

    torch.manual_seed(0)
    maps = {
        f"layers.{n}.attention": AttentionMap.of(
            torch.randn(2, 2, 5, 4), torch.randn(2, 2, 5, 4), causal=True
        )
        for n in range(3)
    }
    return RecordingExplorer(maps)


@pytest.fixture(params=["explorer", "recorded"])
def asked(request):
    return Asked(request.getfixturevalue(request.param))


@pytest.fixture(params=["explorer", "recorded", "gpt2", "bert", "vectors"])
def asked_of_any(request):
    """Every kind of model; how it travels does not depend on that."""
    return Asked(request.getfixturevalue(request.param))


def post(name, params):
    # As JSON that Python alone writes: NaN, huge integers, halves of characters.
    return ("POST", f"/api/{name}", {"content": json.dumps(params).encode(), "headers": JSON})


def in_words(responses):
    """Each is an answer, or an error that says something, and no fault."""
    for response in responses:
        asked = f"{response.request.method} {response.request.url} {response.request.content[:200]}"
        assert response.status_code in ANSWERED, (asked, response.text)
        if response.status_code >= 400 and response.request.method != "HEAD":
            error = response.json()["error"]
            assert error["kind"]
            assert 20 < len(error["message"]) < 2000, asked
            assert "Traceback" not in error["message"]
    return {response.status_code for response in responses}


def places(value, path=()):
    """The path to each value within a value."""
    yield path
    for key, each in value.items() if isinstance(value, dict) else ():
        yield from places(each, (*path, key))
    for number, each in enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*path, number))


def replaced(value, path, other):
    if not path:
        return other
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = other
    return value


@pytest.mark.parametrize("name", QUESTIONS)
def test_any_value_may_stand_anywhere(asked_of_any, name):
    requests = [
        post(name, replaced(PLAIN[name], path, odd))
        for path in places(PLAIN[name])
        # What it takes a page to be saved is asked elsewhere; its run is that of "run".
        if not (name == "offline" and path)
        for odd in ODD
    ]
    assert 422 in in_words(asked_of_any(requests))


@pytest.mark.parametrize("name", QUESTIONS)
def test_keys_that_are_missing_or_unknown(asked, name):
    plain = PLAIN[name]
    requests = [post(name, {k: v for k, v in plain.items() if k != missing}) for missing in plain]
    requests += [post(name, {**plain, key: 1}) for key in ("x", "", "__proto__", "Text", "a.b")]
    requests = [each for each in requests if name != "offline" or b'"x"' in each[2]["content"]]
    assert 422 in in_words(asked(requests))


def deep(opening, closing, levels=50_000):
    return (opening * levels + "1" + closing * levels).encode()


BODIES = [
    b"", b" ", b"{", b"}", b"nul", b"NaN", b"Infinity", b'"', b'"\\ud800"', b"[1,]", b"{'a': 1}",
    b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x00", b"{}{}", b"{} garbage", b'{"text": "\x01"}',
    b'{"text": "a", "text": 3}', b'{"text": NaN}', b'{"text": 1e999}', b"1" * 100_000,
    b'{"text": ' + b"1" * 100_000 + b"}", b'{"text": 0.' + b"1" * 100_000 + b"}",
    b'{"query": "\\ud800\\ud800"}', deep("[", "]"), deep('{"run":', "}"), deep('{"text":[', "]}"),
    b"[" * 400_000, b'{"a":' * 50_000, b"x" * 600_000, b'{"query": "' + b"a" * 500_000 + b'"}',
    json.dumps({str(n): n for n in range(30_000)}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("name", ["model", "run", "words", "array"])
def test_bodies_that_are_no_questions(asked, name):
    kinds = ["application/json", "application/json; charset=utf-16", "application/json;;=;"]
    requests = [
        ("POST", f"/api/{name}", {"content": body, "headers": {**KNOWN, "content-type": kind}})
        for body in BODIES
        for kind in kinds
    ]
    assert in_words(asked(requests)) <= {200, 400, 413, 422}


PATHS = [
    "/", "/api", "/api/", "/api/run", "/api/run/", "/api//run", "/api/run?x=1", "/api/RUN",
    "/api/%72un", "/api/../api/run", "/api/run%00", "/api/run%0d%0aX:%20y", "/%ff%fe", "/%",
    "/nothing/here", "//", "/" + "a/" * 2000, "/?token=", "/?token=x&token=known", "/?%ff=%00&&==",
    "/api/openapi.json", *PAGE,
]  # fmt: skip
METHODS = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND",
    "get", "X" * 200,
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_any_method_on_any_path(asked, method):
    html = {**JSON, "accept": "text/html"}
    requests = [(method, path, {"headers": JSON, "content": b"{}"}) for path in PATHS]
    in_words(asked(requests))
    for response in asked([(method, path, {"headers": html}) for path in PATHS]):
        assert response.status_code < 500
        kind = response.headers.get("content-type", "")
        if response.status_code >= 400 and kind.startswith("application/json"):
            in_words([response])


HEADERS = [
    ("host", ""), ("host", "evil.example"), ("host", "127.0.0.1:8017:8017"), ("host", "\xff"),
    ("host", "127.0.0.1:8017, evil"), ("host", "[::1]:8017"), ("host", "127.0.0.1:99999999"),
    ("origin", "null"), ("origin", ""), ("origin", "http://evil.example"), ("origin", "\xff\xfe"),
    ("origin", "file://"), ("origin", "http://127.0.0.1:8017/"), ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "\xff"), ("content-type", ""), ("content-type", "text/plain"),
    ("content-type", "application/json, text/plain"), ("content-type", "\xff;"),
    ("content-type", "multipart/form-data; boundary=x"), ("authorization", "token"),
    ("authorization", "token wrong"), ("authorization", "\xff"), ("authorization", "token \xff"),
    ("authorization", "Basic " + "A" * 1000), ("cookie", "clearhead-8017=\xff"), ("cookie", "=;=;"),
    ("cookie", "a" * 10_000), ("accept", "\xff"), ("accept", ","), ("accept-encoding", "gzip;q=x"),
    ("accept-encoding", ";;q=;gzip"), ("if-none-match", '"'), ("if-none-match", "," * 1000),
    ("x", "y" * 20_000), ("content-encoding", "gzip"), ("expect", "100-continue"),
    ("range", "bytes=9999999-1"), ("x-forwarded-host", "evil.example"), ("upgrade", "websocket"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/explorer.js", "/api/model", "/api/words", "/nothing"])
def test_any_header_on_any_path(asked, path):
    method = "POST" if path.startswith("/api/") else "GET"
    content = b'{"query": "a"}' if path.endswith("words") else b"{}"
    requests = []
    for name, value in HEADERS:
        headers = {**JSON, name: value.encode("latin-1")}
        requests.append((method, path, {"headers": headers, "content": content}))
        # The same beside the right one.
        twice = [*JSON.items(), ("host", "127.0.0.1:8017"), (name, value.encode("latin-1"))]
        requests.append((method, path, {"headers": twice, "content": content}))
    assert in_words(asked(requests)) & {403, 421, 431}
