"""What the tests of the views share: addresses, numbers as they are read, exports, Python."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TEXT = "The black cat sleeps."
# Four significant digits are shown.
SHOWN = 6e-4


@cache
def explorer() -> Explorer:
    """The explorer that the page's server has, here in Python."""
    return Explorer(read_checkpoint("en-fr"))


@cache
def _run(request: str) -> dict[str, Any]:
    return explorer().answer("run", json.loads(request)).json


def python_run(text: str = TEXT, **more: Any) -> dict[str, Any]:
    """The answer to ``run``, from Python."""
    return _run(json.dumps({"text": text, **more}))


def address(view: str, text: str = TEXT, **state: Any) -> str:
    """The address of a view, in English unless the state says otherwise."""
    state = {"text": text, "view": view, "language": "en", **state}
    pairs = {name: at if isinstance(at, str) else json.dumps(at) for name, at in state.items()}
    return f"/#{urlencode(pairs)}"


def look(page: Page, view: str, text: str = TEXT, **state: Any) -> Locator:
    """Open a view afresh; the view, once it shows something."""
    other = "what_if" if view == "words" else "words"
    ready = ""
    # What the page shows now is to go. Another view takes its place: a tenth of a load.
    if getattr(page, "goes_on", False) and page.locator(f"[data-tab={other}]").count():
        page.goto(address(other, text))
        page.locator(f"#view[data-view={other}]").wait_for()
        ready = ".page[aria-busy=false] "
    else:
        page.goto("about:blank")
    page.goto(address(view, text, **state))
    shown = page.locator(f"#view[data-view={view}] .study")
    page.locator(f"{ready}#view[data-view={view}] .study").wait_for()
    return shown


def number(text: str) -> float:
    """A number as the page writes it."""
    return float(text.strip().replace("−", "-").replace("+", ""))


def numbers(found: Locator) -> list[float]:
    return [number(text) for text in found.all_inner_texts()]


def eventually(page: Page, check: Callable[[], None], seconds: float = 20) -> None:
    """Until a check holds: the page computes while the test goes on."""
    end = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
        page.wait_for_timeout(50)


def state_of(page: Page) -> dict[str, str]:
    """The state that the address holds."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def exported(page: Page, kind: str) -> Path:
    """What the export menu saves."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as told:
        page.get_by_role("menuitem", name=f"This view as {kind}").click()
    return Path(told.value.path())


def exported_json(page: Page) -> dict[str, Any]:
    """What is shown, at full precision."""
    return json.loads(exported(page, "JSON").read_text())["shown"]


def exported_svg(page: Page) -> ElementTree.Element:
    return ElementTree.fromstring(exported(page, "SVG").read_bytes())


def of_class(drawing: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in drawing.iter() if element.get("class") == name]
