"""The printed address opens the page in a browser, which then remembers it; nothing else does."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.explorer.served import served

STATE = "#text=Hello.&view=heads&part=decoder&language=en"


@pytest.fixture(scope="module")
def private():
    """A running explorer that wants its token."""
    with served(token=None) as running:
        yield running


@pytest.fixture
def opened(browser, console_errors):
    """A page in a browser that has been nowhere yet."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    yield page
    context.close()
    assert not console_errors


def shows_the_state(page, private):
    page.locator("#view[data-view=heads]").wait_for()
    assert page.url.startswith(f"{private.base}/#")
    assert private.token not in page.url
    for each in ("view=heads", "part=decoder", "text=Hello."):
        assert each in page.url


def test_the_printed_address_opens_the_page_with_its_state(opened, private):
    opened.goto(f"{private.base}/?token={private.token}{STATE}")
    shows_the_state(opened, private)
    opened.reload()
    shows_the_state(opened, private)
    # A bookmark of the page, in another tab.
    other = opened.context.new_page()
    other.goto(f"{private.base}/{STATE}")
    shows_the_state(other, private)


def test_without_the_token_the_browser_says_what_to_open(opened, private):
    answer = opened.goto(f"{private.base}/{STATE}")
    assert answer.status == 403
    assert opened.get_by_role("heading", name="This page is private").count()
    assert "the address that the terminal printed" in opened.locator("body").inner_text()
    opened.goto(f"{private.base}/?token={private.token}")
    opened.locator("#view").wait_for()


def test_two_explorers_do_not_take_each_other_s_cookie(opened, private):
    with served(token=None) as second:
        opened.goto(f"{private.base}/?token={private.token}{STATE}")
        shows_the_state(opened, private)
        opened.goto(f"{second.base}/?token={second.token}{STATE}")
        shows_the_state(opened, second)
        opened.goto(f"{private.base}/{STATE}")
        shows_the_state(opened, private)


@pytest.fixture
def elsewhere(private):
    """A site of another name with a link to the page, with and without the token."""
    links = "".join(
        f'<a id="{name}" href="{private.base}/{query}{STATE.replace("&", "&amp;")}">{name}</a>'
        for name, query in (("with", f"?token={private.token}"), ("without", ""))
    )

    class Linking(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>.</title>{links}".encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Linking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_a_link_on_another_site_opens_the_page_too(opened, private, elsewhere):
    """A strict cookie is not sent with what another site begins, its redirects included."""
    opened.goto(elsewhere)
    opened.locator("#with").click()
    shows_the_state(opened, private)
    opened.goto(elsewhere)
    opened.locator("#without").click()
    shows_the_state(opened, private)


def test_a_link_on_another_site_lets_no_stranger_in(opened, private, elsewhere):
    opened.goto(elsewhere)
    opened.locator("#without").click()
    opened.get_by_role("heading", name="This page is private").wait_for()
    opened.wait_for_load_state("networkidle")
    assert opened.get_by_role("heading", name="This page is private").count()
    assert opened.locator("#view").count() == 0


def test_a_wrong_address_leads_back_to_the_page(opened, private):
    opened.goto(f"{private.base}/?token={private.token}")
    opened.locator("#view").wait_for()
    assert opened.goto(f"{private.base}/nothing/here").status == 404
    opened.get_by_role("link", name="To the page").click()
    opened.locator("#view").wait_for()


def test_a_page_that_was_left_open_says_what_to_do_when_its_server_is_another(opened, private):
    opened.goto(f"{private.base}/?token={private.token}{STATE}")
    shows_the_state(opened, private)
    opened.context.clear_cookies()
    opened.locator("#sentence").fill("Good evening.")
    opened.locator("#sentence").press("Enter")
    opened.get_by_text("Open the address that the terminal printed").wait_for()
