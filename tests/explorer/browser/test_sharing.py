"""What is shown can be shared: by its address, and as files."""

from __future__ import annotations

import json
import struct
import xml.etree.ElementTree as ElementTree
from urllib.parse import urlencode

import pytest

from clearhead.explorer.offline.page import MOST_BYTES
from tests.explorer.browser.shell import (
    FIRST,
    TABS,
    Asked,
    chosen_head,
    open_page,
    settled,
    state_of,
    tab,
)

pytestmark = pytest.mark.one_page

ABLATION = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}


def test_a_shared_address_restores_everything(page):
    state = {"text": "The cat sleeps.", "view": "heads", "part": "cross", "layer": 1, "head": 2,
             "query": 3, "beam": 2, "edits": [ABLATION],
             "language": "pt", "theme": "dark"}  # fmt: skip
    open_page(page, **state)
    assert page.locator("html").get_attribute("lang") == "pt-BR"
    assert tab(page, "heads").get_attribute("aria-selected") == "true"
    assert chosen_head(page) == ("cross", "1", "2", "3")
    asked = Asked(page, {"text": "The cat sleeps.", "beam_size": 2, "edits": [ABLATION]})
    assert page.locator(".translated").inner_text() == asked.run["translation"]
    assert asked.run["baseline"]["translation"] in page.locator(".about").inner_text()
    kept = state_of(page)
    page.reload()
    settled(page)
    assert state_of(page) == kept
    assert chosen_head(page) == ("cross", "1", "2", "3")


def test_back_and_forward(page):
    open_page(page, view="compare")
    tab(page, "heads").click()
    page.locator(".examples button").nth(1).click()
    page.wait_for_function("() => location.hash.includes('not+see')")
    settled(page)
    page.go_back()
    page.wait_for_function(f"() => document.title.startsWith('{FIRST}')")
    assert tab(page, "heads").get_attribute("aria-selected") == "true"
    page.go_back()
    page.wait_for_selector("[data-tab=compare][aria-selected=true]")
    page.go_forward()
    page.wait_for_selector("[data-tab=heads][aria-selected=true]")


def test_an_address_that_makes_no_sense_is_as_by_default(page):
    for nonsense in ("text", "edits=[", "layer=-1&beam=1.5", "part=nose&view=x", "=&&="):
        page.goto(f"/#{nonsense}")
        settled(page)
        assert page.locator("#sentence").input_value() == FIRST
        assert tab(page, "walk").get_attribute("aria-selected") == "true"
        assert chosen_head(page)[:2] == ("cross", "0")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("view=zzz", ""),
        ("view=zzz&layer=1", "layer=1&language=en"),
        ("__proto__=1", ""),
        ("constructor=1&toString=2&view=heads", "view=heads&language=en"),
        ("beam=1.5&theme=purple&head=2", "head=2&language=en"),
    ],
)
def test_what_the_address_says_wrongly_does_not_stay_in_it(page, wrong, right):
    page.goto(f"/#{wrong}")
    settled(page)
    assert page.evaluate("location.hash").removeprefix("#") == with_text(right)
    # Neither is it a step back, nor does it come again with the next step.
    tab(page, "compare").click()
    page.wait_for_selector("[role=tabpanel][data-view=compare]")
    assert not set(state_of(page)) - {"text", "view", "layer", "head", "language"}
    page.go_back()
    page.wait_for_function("hash => location.hash === hash", arg=f"#{with_text(right)}")


def with_text(hash_: str) -> str:
    """The page puts the text of its first sentence before what else the address says."""
    rest = hash_ or "language=en"
    return f"{urlencode({'text': FIRST})}&{rest}"


def saved(page, item) -> tuple[str, bytes]:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_the_export_menu_goes_by_keyboard(page):
    open_page(page, view="heads")
    button = page.get_by_role("button", name="Export")
    button.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    assert items.nth(0).evaluate("one => one === document.activeElement")
    page.keyboard.press("ArrowDown")
    assert items.nth(1).evaluate("one => one === document.activeElement")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert items.last.evaluate("one => one === document.activeElement")
    page.keyboard.press("Escape")
    assert items.count() == 0
    assert button.evaluate("one => one === document.activeElement")


def test_what_is_shown_is_saved(page):
    open_page(page, edits=[{"kind": "mask_token", "position": 1}])
    for view in TABS:
        tab(page, view).click()
        page.wait_for_selector(f"[role=tabpanel][data-view={view}]")
        page.wait_for_load_state("networkidle")
        if view == "compare":  # its effects are computed for it alone
            page.locator("#view table.links").wait_for()
        name, data = saved(page, "This view as SVG")
        assert name == f"clearhead-{view}.svg"
        assert ElementTree.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"
        name, data = saved(page, "This view as PNG")
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert min(struct.unpack(">II", data[16:24])) > 50
        name, data = saved(page, "This view as JSON")
        found = json.loads(data)
        assert (found["view"], found["state"]["text"]) == (view, FIRST)
        assert found["shown"]


def test_the_address_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, view="heads", query=2)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="address").click()
    page.get_by_text("The address was copied to the clipboard.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_page_is_saved_as_one_file(page):
    open_page(page, view="heads", query=2)
    name, data = saved(page, "works offline")
    assert name == "clearhead.html"
    assert len(data) < MOST_BYTES
    assert b"clearhead-answers" in data
