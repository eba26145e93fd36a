"""A real browser on the real server. A test that leaves an error in the console fails."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.explorer.served import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Response

# The shell draws and runs pages alike and has no window around them: a page costs it half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

SCREEN = {"width": 1280, "height": 800}
FAILED = pytest.StashKey[bool]()


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


class Pages:
    """The page that the tests of a file marked one_page share; others have a page of their own."""

    def __init__(self, browser: Browser, server: str) -> None:
        self.browser, self.server = browser, server
        self.shared: Page | None = None

    def open(self) -> Page:
        """A page on a laptop's screen in English, empty; relative addresses are the server's."""
        context = self.browser.new_context(base_url=self.server, locale="en-GB", viewport=SCREEN)
        context.set_default_timeout(60_000)
        page = context.new_page()
        wait_for_redrawing(page)
        return page

    def share(self) -> Page:
        """The file's page, put back as it was opened but for what it shows."""
        if self.shared is None or self.shared.is_closed():
            self.shared = self.open()
            self.shared.goes_on = True  # type: ignore[attr-defined]  # looking.look reads it
        page = self.shared
        page.unroute_all(behavior="ignoreErrors")
        page.set_viewport_size(SCREEN)
        page.mouse.move(0, 0)
        page.evaluate("() => { scrollTo(0, 0); document.activeElement?.blur(); }")
        return page

    def drop(self) -> None:
        """Close the file's page: nobody knows what a test that failed has left on it."""
        if self.shared is not None:
            self.shared.context.close()
        self.shared = None


@pytest.fixture(scope="module")
def pages(browser: Browser, server: str) -> Iterator[Pages]:
    opened = Pages(browser, server)
    yield opened
    opened.drop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def page(request: pytest.FixtureRequest, pages: Pages, console_errors: list[str]) -> Iterator[Page]:
    """A page on a laptop's screen in English; relative addresses are the server's.

    Where a file is marked one_page it is that of the test before, which goes to another address by
    what stands after the #: to load the page costs ten times what it costs to draw it anew.
    """
    mark = request.node.get_closest_marker("one_page")
    is_shared = mark is not None and mark.args != (False,)
    request.node.stash[FAILED] = False
    opened = pages.share() if is_shared else pages.open()

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            console_errors.append(said.text)

    def catch(error: Error) -> None:
        console_errors.append(str(error))

    opened.on("console", hear)
    opened.on("pageerror", catch)
    yield opened
    if not is_shared:
        opened.context.close()
    elif request.node.stash[FAILED] or console_errors:
        pages.drop()
    else:
        opened.remove_listener("console", hear)
        opened.remove_listener("pageerror", catch)
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
