"""A real browser on the real server. A test that leaves an error in the console fails."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.explorer.served import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

# The shell draws and runs pages alike and has no window around them: a page costs it half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They start a browser, so `make quick` leaves them out. What a busy machine does to the timing
    of a browser is not ours: a test that fails has a second try, and the summary counts it."""
    for item in items:
        if "tests/explorer/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.flaky(reruns=1))


# Of this package and not of all tests: see its __init__.py.
@pytest.fixture(scope="package")
def server() -> Iterator[str]:
    """The address of a running explorer, without a slash at its end."""
    with served() as running:
        yield running.base


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, Debian's or Playwright's own."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs Playwright: pip install playwright")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        try:
            running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            if found is None:
                pytest.skip(
                    "needs Chromium: apt-get install chromium-headless-shell, or playwright install"
                )
            raise AssertionError(f"{found} does not start: {error}") from error
        yield running
        running.close()


@pytest.fixture
def console_errors() -> list[str]:
    """What went wrong on the page; a test that means it to go wrong looks and clears the list."""
    return []


@pytest.fixture
def page(browser: Browser, server: str, console_errors: list[str]) -> Iterator[Page]:
    """A page on a laptop's screen in English, empty; relative addresses are the server's."""
    context = browser.new_context(
        base_url=server, locale="en-GB", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(60_000)
    opened = context.new_page()
    opened.on(
        "console",
        lambda said: console_errors.append(said.text) if said.type == "error" else None,
    )
    opened.on("pageerror", lambda error: console_errors.append(str(error)))
    wait_for_redrawing(opened)
    yield opened
    context.close()
    assert not console_errors, "The page wrote errors: " + "\n".join(console_errors)


def wait_for_redrawing(page: Page) -> None:
    """Let `page.goto` return when the page has drawn the address.

    Where only the part after the # is new nothing is loaded, and what a test reads at once may
    still be the view before.
    """
    go = page.goto

    def goto(url: str, **options: Any) -> Response | None:
        before = page.url
        response = go(url, **options)
        if response is None and page.url != before and page.url.startswith("http"):
            page.evaluate(
                "() => new Promise(drawn => requestAnimationFrame("
                "() => requestAnimationFrame(() => setTimeout(drawn))))"
            )
        return response

    page.goto = goto  # type: ignore[method-assign]
