"""The saved page: opened from a file with the network cut, it is the same page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pytest

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.offline.page import MOST_BYTES, offline_html
from tests.explorer.browser.looking import explorer, look, python_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TEXT = "The cat sleeps."
LONGER = "The old man walked slowly to the small house today."
NOT_HERE = re.compile("clearhead explore")


def state(text: str, **more: Any) -> str:
    at = {
        "part": "cross",
        "layer": 1,
        "head": 2,
        "query": 3,
        "language": "en",
        "panels": "all",
        **more,
    }
    return "#" + urlencode({"text": text, **at})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("saved")
    found = {}
    for text in (TEXT, LONGER):
        found[text] = folder / f"{len(text)}.html"
        page = offline_html(explorer(), {"text": text}, view_state=state(text), effect_seconds=0)
        found[text].write_text(page, "utf-8")
    return found


@pytest.fixture
def saved(browser: Browser, files: dict[str, Path]) -> Any:
    """Opens a saved page; whatever it would fetch, and any error, fails the test."""
    wrong: list[str] = []
    context = browser.new_context(offline=True, locale="en-GB", accept_downloads=True)
    context.set_default_timeout(60_000)

    def opened(text: str = TEXT, hash_: str = "") -> Page:
        page = context.new_page()
        page.on(
            "console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(files[text].as_uri() + hash_)
        page.on("request", lambda request: wrong.append(f"fetched {request.url[:80]}")
                if not request.url.startswith("blob:") else None)  # fmt: skip
        page.locator("#view").wait_for()
        return page

    yield opened
    context.close()
    assert not wrong, "The saved page: " + "\n".join(wrong)


def shown(page: Page) -> dict[str, Any]:
    """What the view exports, at full precision."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as told:
        page.get_by_role("menuitem", name="This view as JSON").click()
    return json.loads(Path(told.value.path()).read_text())["shown"]


def walked(page: Page) -> dict[str, tuple[Any, np.ndarray[Any, Any]]]:
    page.locator(".walk-panel[data-step=words]").wait_for()
    page.wait_for_timeout(500)
    return {
        entry["path"]: (
            tuple(slice(*span) for span in entry["window"]),
            np.array([-np.inf if one is None else one for one in entry["values"]]),
        )
        for entry in shown(page)["numbers"]
    }


@pytest.mark.parametrize(("part", "layer"), [("encoder", 3), ("decoder", 0), ("cross", 1)])
def test_the_walk_shows_the_reference_s_numbers_to_the_last_bit(
    saved: Any, part: str, layer: int
) -> None:
    page = saved(TEXT, state(TEXT, part=part, layer=layer))
    trace = explorer().run(RunQuestion(text=TEXT)).trace
    numbers = walked(page)
    steps = [path for path in numbers if not path.startswith("weights/")]
    assert len(steps) > 20
    for path in steps:
        window, values = numbers[path]
        if path in trace:
            np.testing.assert_array_equal(values, trace[path].value[window].ravel(), path)


def test_a_longer_sentence_is_rounded_and_says_so(saved: Any, files: dict[str, Path]) -> None:
    assert files[LONGER].stat().st_size < MOST_BYTES
    page = saved(LONGER)
    assert "rounded to float32" in page.locator(".check").inner_text()
    trace = explorer().run(RunQuestion(text=LONGER)).trace
    for path, (window, values) in walked(page).items():
        if path in trace:
            expected = trace[path].value[window].ravel()
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5, err_msg=path)


def test_it_opens_as_it_was_saved(saved: Any) -> None:
    page = saved(TEXT)
    assert "head=2" in page.url
    page.get_by_text(python_run(TEXT)["translation"]).first.wait_for()
    assert "rounded" not in page.locator(".check").inner_text()


def test_every_view_opens(saved: Any) -> None:
    page = saved(TEXT)
    page.wait_for_selector(".map-head .map-sign[data-kind=aligned]")
    assert page.locator(".map-sign[data-kind=unknown]").count() == 0
    for name in page.get_by_role("tab").all_inner_texts():
        page.get_by_role("tab", name=name, exact=True).click()
        page.locator("#view").wait_for()
        page.wait_for_timeout(300)
        assert page.get_by_role("alert").filter(has_text=NOT_HERE).count() == 0, name


def test_a_file_says_that_it_holds_no_gradients(saved: Any) -> None:
    page = saved(TEXT, state(TEXT, view="gradients"))
    page.get_by_text("A saved page holds no gradients").wait_for()


def test_what_is_not_in_the_file_is_said(saved: Any) -> None:
    page = saved(TEXT)
    box = page.get_by_role("textbox").first
    box.fill("Another sentence.")
    box.press("Control+Enter")
    page.get_by_role("button", name="Translate").click()
    page.get_by_role("alert").filter(has_text=NOT_HERE).first.wait_for()


def test_an_edit_that_the_file_cannot_answer_is_not_said_to_be_in_force(saved: Any) -> None:
    page = saved(TEXT, state(TEXT, view="what_if"))
    page.get_by_role("button", name="Ablate this head").click()
    page.get_by_role("alert").filter(has_text=NOT_HERE).first.wait_for()
    assert "edited model" not in page.locator("main").inner_text()
    assert "No edits" not in page.locator("main").inner_text()
    assert "Not applied, for the reason above" in page.locator(".edits-banner").inner_text()
    assert "not been applied" in page.locator("#view").inner_text()
    for name in ("Walk", "Heads", "What if"):
        page.get_by_role("tab", name=name, exact=True).click()
        assert "Not applied" in page.locator(".edits-banner").inner_text()
        last = page.locator(".last-answer").inner_text()
        assert last.endswith(f"the numbers of “{TEXT}”, without edits.")
    page.locator(".edits-banner").get_by_role("button", name="Remove all").click()
    page.locator(".failure").wait_for(state="hidden")
    assert page.locator(".edits-banner, .last-answer").count() == 0
    page.locator(".translated").get_by_text(python_run(TEXT)["translation"]).wait_for()


def test_where_from_reaches_the_weights_of_the_chosen_attention(saved: Any) -> None:
    page = saved(TEXT)
    page.locator(".walk-panel[data-step=vectors] button.num").first.click()
    panel = page.get_by_role("dialog")
    panel.get_by_text("Copy as Python").wait_for()
    assert not NOT_HERE.search(panel.inner_text())
    # Of another layer's attention the matrices are not there, and the panel says it.
    page.keyboard.press("Escape")
    page = saved(TEXT, state(TEXT, part="encoder", layer=0))
    page.locator(".walk-panel[data-step=vectors] button.num").first.click()
    page.get_by_role("dialog").get_by_role("alert").filter(has_text=NOT_HERE).wait_for()


def test_a_step_is_shown_by_itself_and_what_a_file_lacks_is_said(saved: Any) -> None:
    page = saved(TEXT, state(TEXT, panels="one", step="embedding"))
    page.get_by_text("A saved page has no table of all tokens").wait_for()
    assert page.locator(".walk-panel").count() == 1
    page.locator(".stage-place").select_option(index=7)
    page.locator(".meaning-facts .num").nth(4).wait_for()


def test_the_page_saves_itself(page: Page, browser: Browser, tmp_path: Path) -> None:
    look(page, "words", TEXT)
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=60_000) as told:
        page.get_by_role("menuitem", name="one HTML file").click()
    told.value.save_as(tmp_path / "saved.html")
    context = browser.new_context(offline=True, locale="en-GB")
    again = context.new_page()
    again.goto((tmp_path / "saved.html").as_uri())
    again.locator("#view[data-view=words]").wait_for()
    again.get_by_text(python_run(TEXT)["translation"]).first.wait_for()
    context.close()
