"""Every number can be read, at every width: none is cut off, none runs into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.explorer.browser.shell import open_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = (390, 768, 1000, 1100, 1240, 1440)
SHORT = "The black cat sleeps."  # the matrices stand beside their rows, with numbers in them
LONG = "She gave 1996 beautifully embroidered handkerchiefs to him."
EDITS = [
    {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2},
    {"kind": "mask_token", "position": 2},
]
STEPS = ["position", "norm", "score", "scaled", "masked", "softmax", "contributions", "feed"]
# Steps with more in them where they are shown one at a time, from the eighth on.
SINGLE = ["score", "scores", "scaled", "masked", "softmax", "contributions"]
FIRST_SINGLE = 7
SOURCE = (Path(__file__).parent / "layout.js").read_text("utf-8")
LOOK = SOURCE[SOURCE.index("() =>") :]


def opened(page: Page, view: str, text: str, language: str, part: str = "cross") -> None:
    state: dict[str, Any] = {"text": text, "part": part, "layer": 1, "head": 2, "query": 2}
    if view == "what_if":
        state["edits"] = EDITS
    open_page(page, view=view, language=language, panels="all", **state)
    if view in ("words", "what_if", "compare"):
        page.locator("#view table.numbers").first.wait_for()
    if view == "compare":
        page.locator("#view table.links").wait_for()
    if view == "heads":
        page.locator("#view .heads-keys li").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => !document.querySelector('.walk-loading')")


def faults(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 800})
    # Observers of sizes have told, and what they changed has been drawn.
    page.evaluate(
        """async () => { for (let frame = 0; frame < 3; frame += 1)
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done))); }"""
    )
    found: list[str] = page.evaluate(LOOK)
    return [f"{width} px: {fault}" for fault in found]


# The longer text in the language of the longer words.
@pytest.mark.parametrize(
    ("text", "language"),
    [(SHORT, "en"), pytest.param(SHORT, "pt", marks=pytest.mark.heavy), (LONG, "pt")],
    ids=["short", "pt", "long"],
)
@pytest.mark.parametrize(
    ("view", "part"),
    [
        ("walk", "encoder"),
        ("walk", "cross"),
        ("heads", "cross"),
        ("words", "cross"),
        ("what_if", "cross"),
        ("compare", "cross"),
    ],
)
def test_every_number_of_a_view_can_be_read(
    page: Page, view: str, part: str, text: str, language: str
) -> None:
    opened(page, view, text, language, part)
    found = [fault for width in WIDTHS for fault in faults(page, width)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("screen", ["desk", "projector"])
def test_every_number_of_a_single_step_can_be_read(page: Page, screen: str) -> None:
    state = {"text": LONG, "part": "cross", "layer": 1, "head": 2, "query": 2, "screen": screen}
    open_page(page, view="walk", language="pt", step=SINGLE[0], moment=3, **state)
    found = []
    for place, step in enumerate(SINGLE):
        page.locator(".stage-place").select_option(index=place + FIRST_SINGLE)
        page.locator(f"#walk-{step} h2").wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_function("() => !document.querySelector('.walk-loading')")
        for width in (390, 1024, 1440):
            found += [f"{step}, {fault}" for fault in faults(page, width)]
    assert not found, "\n".join(found)


# Portuguese has the longer words.
@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.heavy), "pt"])
def test_every_number_of_the_panel_can_be_read(page: Page, language: str) -> None:
    opened(page, "walk", SHORT, language)
    found = []
    for step in STEPS:
        number = page.locator(f".walk-panel[data-step={step}] .num").first
        number.evaluate("one => one.click()")  # the panel before may stand over it
        page.wait_for_selector(".where-body[aria-busy=false] pre")
        for folded in page.locator(".where details:not([open]) > summary").all():
            folded.evaluate("one => one.click()")
        for width in (390, 768, 1240):
            found += [f"{step}, {fault}" for fault in faults(page, width)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (".num { display: inline-block; width: 1.5em; overflow: hidden }", "cut off"),
        (".words-sources .num { font-size: 2rem }", "lies on a bar"),
        (".words-view { width: 150vw }", "leaves its box"),
        (".words-beam .table-scroll { width: 9rem }", "has to be scrolled"),
        (".words-beam td.figure { position: relative; left: -5rem }", "overlap"),
    ],
)
def test_what_cannot_be_read_would_be_seen(page: Page, spoil: str, words: str) -> None:
    opened(page, "words", SHORT, "en")
    assert not faults(page, 1240)
    page.evaluate(
        """css => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css);
            document.adoptedStyleSheets = [sheet]; }""",
        ".clearhead " + spoil.replace("; ", " !important; ").replace(" }", " !important }"),
    )
    assert any(words in fault for fault in faults(page, 1240))
