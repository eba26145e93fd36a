"""Who may see the page: everything wants the token, or the cookie that it was exchanged for."""

from __future__ import annotations

import asyncio
import http.client
import http.cookies
import json
from urllib.parse import quote, urlsplit

import httpx
import pytest

from clearhead.explorer.contract.answers import Answer
from clearhead.explorer.contract.reading import QUESTIONS
from clearhead.explorer.server import serve
from clearhead.explorer.server.access import Access
from clearhead.explorer.server.app import PAGE, create_app
from clearhead.explorer.server.guard import SECURITY
from clearhead.explorer.server.limits import ServerLimits, Workers
from tests.explorer.served import served

BASE = "http://127.0.0.1:8017"
TOKEN = "a word & more/é"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Ready:
    """Answers whatever is asked."""

    def answer(self, name, params):
        return Answer({"fine": True})


def visit(*requests, access, cookies=None):
    """Responses to requests, each (method, path, headers); questions have an empty body."""

    async def run():
        app = create_app(Ready(), port=8017, workers=Workers(ServerLimits()), access=access)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as client:
            return [
                await client.request(
                    method, path, headers=headers, json={} if method == "POST" else None
                )
                for method, path, headers in requests
            ]

    return asyncio.run(run())


@pytest.fixture
def access():
    return Access(TOKEN, port=8017)


@pytest.fixture
def cookie(access):
    (response,) = visit(("GET", f"/{access.query}", {}), access=access)
    name, _, value = response.headers["set-cookie"].partition(";")[0].partition("=")
    return {name: value}


EVERYTHING = [
    *(("GET", path) for path in PAGE),
    *(("POST", f"/api/{name}") for name in QUESTIONS),
    ("GET", "/api/openapi.json"), ("GET", "/nothing/here"), ("HEAD", "/"), ("OPTIONS", "/"),
    ("GET", "/?token="), ("GET", "/?token=a+word"), ("GET", "/?TOKEN=a"), ("PUT", "/api/run"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_a_stranger_gets_nothing(access, method, path):
    (response,) = visit((method, path, {}), access=access)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert SECURITY.items() <= dict(response.headers).items()
    if method != "HEAD":
        assert response.json()["error"]["kind"] == "NoToken"
        assert response.json()["error"]["message"].startswith(
            "This explorer answers those who know its token. Open the address that the terminal "
            "printed when it started"
        )
    assert TOKEN.encode() not in response.content


@pytest.mark.parametrize("path", ["/", "/explorer.js", "/nothing/here"])
def test_a_browser_is_told_what_to_open(access, path):
    (response,) = visit(("GET", path, HTML), access=access)
    assert response.status_code == 403
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "<h1>This page is private</h1>" in response.text
    assert "Open the address that the terminal printed" in response.text
    assert SECURITY.items() <= dict(response.headers).items()
    # Questions are never asked by somebody who reads HTML.
    (response,) = visit(("POST", "/api/model", HTML), access=access)
    assert response.json()["error"]["kind"] == "NoToken"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "token "},
        {"authorization": "token a word"},
        {"authorization": "Basic YTpi"},
        {"authorization": b"\xff\xfe"},
        {"cookie": "clearhead-8017="},
        {"cookie": "clearhead-8017=0123"},
        {"cookie": "clearhead-8018={cookie}"},
        {"cookie": "{cookie}"},
        {"cookie": ";;=;clearhead-8017"},
        {"cookie": b"clearhead-8017=\xff"},
    ],
)
def test_what_is_not_the_token_opens_nothing(access, cookie, headers):
    (value,) = cookie.values()
    with_cookie = {
        name: text.replace("{cookie}", value) if isinstance(text, str) else text
        for name, text in headers.items()
    }
    (response,) = visit(("POST", "/api/model", with_cookie), access=access)
    assert response.status_code == 403


def test_the_first_visit_gives_a_cookie_and_goes_on_without_the_token(access):
    path = f"/?a=1&token={quote(TOKEN)}&b=%C3%A9%0d%0a&token=x"
    (response,) = visit(("GET", path, HTML), access=access)
    assert response.status_code == 303
    assert response.headers["location"] == "/?a=1&b=%C3%A9%0D%0A"
    assert response.headers["cache-control"] == "no-store"
    cookies_set = http.cookies.SimpleCookie(response.headers["set-cookie"])
    ((name, morsel),) = cookies_set.items()
    assert name == "clearhead-8017"
    assert (morsel["path"], morsel["samesite"], morsel["httponly"]) == ("/", "Strict", True)
    assert (morsel["max-age"], morsel["expires"], morsel["domain"]) == ("", "", "")
    assert TOKEN not in morsel.value


def test_the_cookie_opens_everything(access, cookie):
    questions = [
        (method, path, {})
        for method, path in EVERYTHING
        if "token" not in path and path not in ("/nothing/here", "/api/run")
    ]
    statuses = {
        (response.request.method, response.request.url.path): response.status_code
        for response in visit(*questions, access=access, cookies=cookie)
    }
    assert {status for (_, path), status in statuses.items() if path in PAGE} <= {200, 405}
    assert statuses["POST", "/api/model"] == statuses["GET", "/api/openapi.json"] == 200
    assert 403 not in statuses.values()


def test_an_old_token_in_the_address_does_not_shut_out_who_has_the_cookie(access, cookie):
    (response,) = visit(("GET", "/?token=old", HTML), access=access, cookies=cookie)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("scheme", ["token", "Token", "Bearer"])
def test_a_program_sends_the_token_in_a_header(access, scheme):
    headers = {"authorization": f"{scheme} {TOKEN}".encode()}
    (response,) = visit(("POST", "/api/model", headers), access=access)
    assert response.json() == {"fine": True}


def test_a_program_may_name_it_in_any_address_and_is_not_sent_on(access):
    for method, path in (("POST", "/api/model"), ("GET", "/api/openapi.json")):
        (response,) = visit((method, path + access.query, {}), access=access)
        assert response.status_code == 200
        assert "set-cookie" not in response.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_after_a_link_elsewhere_the_page_goes_on_by_itself(access, site):
    """A redirect would count as the other site's, and its request would lack the cookie."""
    headers = {**HTML, "sec-fetch-site": site}
    (response,) = visit(("GET", f"/{access.query}&a=1", headers), access=access)
    assert response.status_code == 200
    assert response.headers["set-cookie"].startswith("clearhead-8017=")
    assert '<script src="/enter.js"></script>' in response.text
    assert '<a href="/?a=1">Open it</a>' in response.text
    assert quote(TOKEN, safe="") not in response.text


def test_a_token_for_one_visit_is_taken_once(access):
    once = access.query_once()
    assert once != access.query
    first, second = visit(("GET", f"/{once}", {}), ("GET", f"/{once}", {}), access=access)
    assert first.status_code == 303
    assert second.status_code == 303  # with the cookie of the first
    (stranger,) = visit(("GET", f"/{once}", {}), access=access)
    assert stranger.status_code == 403


def test_every_server_has_another_token_and_a_cookie_of_its_own(access, cookie):
    tokens = {Access(None, port=8017).token for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 32
    # A cookie of a server that had this port before is none.
    (response,) = visit(
        ("POST", "/api/model", {}), access=Access("other", port=8017), cookies=cookie
    )
    assert response.status_code == 403
    visits = visit(("GET", f"/{access.query}", {}), access=Access(TOKEN, port=8018))
    assert visits[0].headers["set-cookie"].startswith("clearhead-8018=")


def test_without_a_token_everyone_is_let_in():
    access = Access("", port=8017)
    assert (access.query, access.query_once()) == ("", "")
    page, answer = visit(("GET", "/?token=x", {}), ("POST", "/api/model", {}), access=access)
    assert (page.status_code, answer.status_code) == (200, 200)


# The command


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), content


def test_the_printed_address_opens_the_page(checkpoint):
    with served("--model", str(checkpoint.folder), "--", "old & new", token=None) as server:
        (line,) = server.lines
        address = urlsplit(line.rpartition(" at ")[2].strip())
        assert address.query == f"token={server.token}"
        assert address.fragment == "text=old%20%26%20new"
        assert len(server.token) >= 32
        assert ask(server.port, "/")[0] == 403
        status, headers, _ = ask(server.port, f"{address.path}?{address.query}")
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].partition(";")[0]
        assert cookie.startswith(f"clearhead-{server.port}=")
        assert ask(server.port, "/", Cookie=cookie)[0] == 200
        assert server.end()[1] == ""


def test_a_token_of_one_s_own_comes_from_the_environment(checkpoint):
    with served("--model", str(checkpoint.folder), token=None, CLEARHEAD_TOKEN="mine") as server:
        assert server.token == "mine"
        status, _, content = ask(server.port, "/api/openapi.json", Authorization="token mine")
        assert status == 200
        assert json.loads(content)["paths"]


@pytest.fixture
def opened(monkeypatch):
    """What `serve` says and opens, without a server and a browser."""

    found = {"said": [], "opened": []}
    monkeypatch.setattr(serve, "has_browser", lambda *_: True)
    monkeypatch.setattr(serve, "_open", found["opened"].append)
    monkeypatch.setattr(serve, "_serve", lambda *_: None)
    monkeypatch.delenv("CLEARHEAD_TOKEN", raising=False)

    def run(**how):
        serve.serve(Ready, "it", port=0, say=found["said"].append, **how)
        return found

    return run


def test_the_browser_is_given_a_token_for_one_visit_which_other_users_may_read(opened):
    found = opened(text="a")
    printed = found["said"][0].rpartition(" at ")[2]
    (address,) = found["opened"]
    assert "?token=" in address
    assert address.endswith("#text=a")
    assert address != printed
    assert found["said"][-1] == "Ctrl-C ends it."


def test_who_wants_no_token_is_told_what_that_means(opened):
    found = opened(token="")
    assert "token" not in found["said"][0] + found["opened"][0]
    assert found["said"][-1] == (
        "Without a token everyone on this computer can open it. Ctrl-C ends it."
    )
