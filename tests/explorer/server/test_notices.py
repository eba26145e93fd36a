"""What is answered where there is no answer: pages for browsers, JSON for programs."""

from __future__ import annotations

import json

import pytest

from clearhead.explorer.server.notices import error_json, notice, wants_page
from tests.explorer.server.test_app import error_of, get

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/nothing/here", "/index.html", "/apis", "/explorer.js/"])
def test_a_browser_that_lost_its_way_finds_back(path):
    response = get(path, accept=HTML)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>There is nothing here</h1>" in response.text
    assert '<a href="/">To the page</a>' in response.text
    assert f"<p>Nothing of the explorer is at {path}.</p>" in response.text


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/run/"])
def test_under_api_it_is_json_for_everyone(path):
    assert error_of(get(path, accept=HTML), 404)["kind"] == "NotFound"


@pytest.mark.parametrize("accepted", ["*/*", "application/json", "", "text/plain"])
def test_a_program_is_told_in_json(accepted):
    assert error_of(get("/nothing/here", accept=accepted), 404)["kind"] == "NotFound"


def test_what_came_with_the_request_is_text_and_nothing_else():
    response = get("/<script>alert(1)</script>%22%27&", accept=HTML)
    assert "<script" not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;" in response.text
    page = notice(404, "<b>", "<i>", link=('/"onclick="', "<u>")).body.decode()
    assert not any(mark in page for mark in ("<b>", "<i>", "<u>", '"onclick'))


def test_an_error_s_words_may_hold_half_a_surrogate():
    response = error_json(400, "Kind", "\ud800", {"Retry-After": "1"})
    assert json.loads(response.body)["error"]["message"] == "\ud800"
    assert (response.headers["cache-control"], response.headers["retry-after"]) == ("no-store", "1")


def test_who_accepts_html_reads_a_page():
    def scope(path, *accepted):
        return {"path": path, "headers": [(b"accept", each) for each in accepted]}

    assert wants_page(scope("/", b"*/*", b"Text/HTML"))
    assert not wants_page(scope("/"))
    assert not wants_page(scope("/api/run", b"text/html"))
