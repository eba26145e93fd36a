"""The widget in real JupyterLab and in real marimo: visible, within its cell, in its own style, in
the notebook's theme, and neither takes the other's keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.explorer.browser.looking import address, eventually, explorer, python_run
from tests.explorer.browser.real_notebooks import Shown, shown_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

TEXT = "The black cat sleeps."
# Where the middle of an element is, this is what a reader sees: the element or a part of it.
SEEN = """(element, place) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  const [x, y] = [left + width * place[0], top + height * place[1]];
  let hit = document.elementFromPoint(x, y);
  while (hit?.shadowRoot?.elementFromPoint(x, y)) hit = hit.shadowRoot.elementFromPoint(x, y);
  return element.contains(hit);
}"""
CORNERS = [(0.03, 0.03), (0.97, 0.03), (0.5, 0.5), (0.03, 0.97), (0.97, 0.97)]
# What is inherited, and what a notebook's rules for tables, buttons and lists set. Widths follow
# from the cell's; how they follow is the style's.
STYLE = """(root) => [...root.querySelectorAll("*")].map((element) => {
  const style = getComputedStyle(element);
  const names = ["fontFamily", "fontSize", "fontWeight", "fontStyle", "lineHeight", "letterSpacing",
    "textAlign", "textTransform", "whiteSpace", "wordBreak", "color", "backgroundColor", "display",
    "boxSizing", "margin", "padding", "borderTop", "borderLeft", "borderCollapse", "listStyleType",
    "verticalAlign", "cursor", "opacity"];
  return [element.tagName, element.getAttribute("class"), ...names.map((name) => style[name])];
})"""
PLACE = "cell => [cell.dataset.row, cell.dataset.column].map(Number)"
CUT = """(page) => [...page.querySelectorAll(".walk-panel *")].filter((element) => {
  const box = element.getBoundingClientRect();
  if (element.closest(".unseen") || !box.width) return false;
  const cuts = getComputedStyle(element).overflowX !== "visible";
  return box.right > page.getBoundingClientRect().right + 1
    || (cuts && element.scrollWidth > element.clientWidth + 1);
}).map((element) => `${element.closest(".walk-panel").dataset.step}: ${element.className}`)"""


@pytest.fixture(scope="module", params=["jupyterlab", "marimo"])
def shown(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    """The widget in a notebook whose cell was run. marimo's is dark, in a browser that is light."""
    folder = tmp_path_factory.mktemp(request.param)
    state = "#" + urlencode({"text": TEXT, "language": "en", "panels": "all"})
    with shown_in(request.param, browser, folder, state) as opened:
        yield opened
        assert not opened.errors, "The widget wrote errors: " + "\n".join(opened.errors)


@pytest.fixture
def widget(shown: Shown) -> Locator:
    """The widget with its walk shown and nothing open."""
    closing = shown.widget.locator(".where .close")
    if closing.count():
        closing.click()
    tab(shown, "Walk")
    shown.widget.locator(".walk-panel").nth(19).wait_for()
    eventually(shown.page, lambda: none(shown.widget.locator(".walk-loading")))
    return shown.widget


def none(found: Locator) -> None:
    assert found.count() == 0


def tab(shown: Shown, name: str) -> None:
    shown.widget.get_by_role("tab", name=name, exact=True).click()


def seen(element: Locator, places: Any = ((0.5, 0.5),)) -> bool:
    return all(element.evaluate(SEEN, place) for place in places)


def ask(shown: Shown, number: Locator) -> Locator:
    """Press a number; the panel with its answer."""
    number.scroll_into_view_if_needed()
    number.click()
    panel = shown.widget.locator(".where")
    panel.locator(".where-body[aria-busy=false]").wait_for()
    return panel


def brightness(widget: Locator) -> float:
    colour = widget.locator(".page").evaluate("one => getComputedStyle(one).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_the_walk_is_visible(shown: Shown, widget: Locator) -> None:
    assert widget.get_by_text(python_run(TEXT)["translation"]).first.is_visible()
    first = widget.locator(".walk-panel h2").first
    first.scroll_into_view_if_needed()
    assert seen(first)


# Of the second, of the thirteenth and of the last step; at the left and at the right.
@pytest.mark.parametrize(
    "number",
    [
        ".walk-chips .num >> nth=0",
        "[data-step=contributions] button.num >> nth=-1",
        ".walk-readout .num >> nth=0",
        ".walk-panel table button.num >> nth=-1",
    ],
)
def test_the_panel_opens_in_view_and_within_the_cell(
    shown: Shown, widget: Locator, number: str
) -> None:
    asked = widget.locator(number)
    panel = ask(shown, asked)

    def in_view() -> None:
        assert seen(panel, CORNERS)
        assert seen(panel.locator(".subject .value"))
        assert seen(asked), "the panel hides what it explains"

    eventually(shown.page, in_view)
    box, cell = panel.bounding_box(), widget.bounding_box()
    assert box["height"] >= 160
    assert cell["x"] <= box["x"]
    assert box["x"] + box["width"] <= cell["x"] + cell["width"]
    assert cell["y"] <= box["y"]
    assert box["y"] + box["height"] <= cell["y"] + cell["height"]
    path, index = (asked.get_attribute(name) for name in ("data-path", "data-index"))
    place = [[int(at), int(at) + 1] for at in re.findall(r"\d+", index)]
    params = {"run": python_run(TEXT)["request"], "items": [{"path": path, "window": place}]}
    value = explorer().answer("array", params).arrays["0"].item()
    exact = panel.locator(".subject .soft .number").inner_text().replace("−", "-")
    assert float(exact) == value


def test_the_panel_stays_in_view_and_gives_the_focus_back(shown: Shown, widget: Locator) -> None:
    number = widget.locator("[data-step=contributions] button.num").first
    panel = ask(shown, number)
    for step in (-1, 1):
        # As the wheel over the cell, beside the panel, scrolls what there is to scroll.
        number.evaluate(
            """(number, step) => {
              let at = number;
              while (at && !(at.scrollHeight > at.clientHeight + 1000 &&
                /auto|scroll/.test(getComputedStyle(at).overflowY)))
                at = at.parentElement ?? at.getRootNode().host;
              at.scrollBy(0, step * 1500);
            }""",
            step,
        )
        eventually(shown.page, lambda: in_corners(panel))
    shown.page.keyboard.press("Escape")
    eventually(shown.page, lambda: none(panel))
    assert number.evaluate("one => one.getRootNode().activeElement === one")


def in_corners(panel: Locator) -> None:
    assert seen(panel, CORNERS)


def test_a_program_is_copied_and_a_number_leads_on_within_the_panel(
    shown: Shown, widget: Locator
) -> None:
    panel = ask(shown, widget.locator("[data-step=contributions] button.num").last)
    program = panel.locator("pre").inner_text()
    panel.get_by_role("button", name="Copy as Python").click()
    panel.get_by_text("Copied").wait_for()
    assert shown.page.evaluate("navigator.clipboard.readText()").strip() == program.strip()
    panel.locator(".operands .num").first.click()
    panel.locator(".trail li").nth(1).wait_for()
    eventually(shown.page, lambda: in_corners(panel))


@pytest.mark.parametrize("width", [1280, 1000])
def test_no_step_of_the_walk_is_cut(shown: Shown, widget: Locator, width: int) -> None:
    shown.page.set_viewport_size({"width": width, "height": 900})
    try:
        eventually(shown.page, lambda: uncut(widget))
    finally:
        shown.page.set_viewport_size({"width": 1280, "height": 900})


def uncut(widget: Locator) -> None:
    assert widget.locator(".page").evaluate(CUT) == []


def test_the_notebook_s_style_is_not_the_widget_s(
    shown: Shown, widget: Locator, browser: Browser, server: str
) -> None:
    """Every element of a view is styled as on a page of its own, as wide as the cell."""
    tab(shown, "Heads")
    widget.locator("#view .heads-lines").wait_for()
    theme = "dark" if brightness(widget) < 100 else "light"
    width = round(widget.bounding_box()["width"])
    context = browser.new_context(
        base_url=server, color_scheme=theme, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.goto(address("heads", TEXT))
    page.locator("#view .heads-lines").wait_for()
    page.locator("h1").hover()  # nothing is under the pointer, there as here
    shown.page.mouse.move(2, 2)

    def alike() -> None:
        own, here = (one.locator("#view").evaluate(STYLE) for one in (page, widget))
        assert len(own) > 200
        assert here == own

    eventually(page, alike)
    context.close()


def test_the_notebook_s_theme_is_followed(shown: Shown, widget: Locator) -> None:
    if shown.kind == "marimo":
        assert shown.page.evaluate("matchMedia('(prefers-color-scheme: light)').matches")
        assert brightness(widget) < 60
    else:
        assert brightness(widget) > 200
        for theme, dark in (("Dark", True), ("Light", False)):
            shown.page.evaluate(
                "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })",
                f"JupyterLab {theme}",
            )
            eventually(shown.page, lambda dark=dark: is_dark(widget, dark))
    choice = widget.get_by_label("Theme")
    assert choice.locator("option").first.inner_text() == "As the notebook"
    was_dark = brightness(widget) < 60
    choice.select_option("light" if was_dark else "dark")
    assert (brightness(widget) < 60) is not was_dark
    choice.select_option("system")
    assert (brightness(widget) < 60) is was_dark


def is_dark(widget: Locator, dark: bool) -> None:
    assert (brightness(widget) < 60) is dark


def test_keys_are_the_widget_s_and_leave_the_cells_alone(shown: Shown, widget: Locator) -> None:
    cells = shown.page.locator(".cm-editor")
    assert cells.count() == 1
    box = widget.get_by_role("textbox")
    box.fill("")
    box.press_sequentially("dd bax")
    assert box.input_value() == "dd bax"
    box.fill(TEXT)
    tab(shown, "Heads")
    number = widget.locator("#view td[tabindex='0']").first
    number.focus()
    was = number.evaluate(PLACE)
    for key in ("ArrowDown", "ArrowRight", "b", "d", "d"):
        shown.page.keyboard.press(key)
    now = widget.evaluate(f"one => ({PLACE})(one.getRootNode().activeElement)")
    assert now == [was[0] + 1, was[1] + 1]
    assert cells.count() == 1


def test_a_picture_is_saved_from_the_notebook(shown: Shown, widget: Locator) -> None:
    widget.get_by_role("button", name="Export").click()
    with shown.page.expect_download() as told:
        widget.get_by_role("menuitem", name="This view as SVG").click()
    assert told.value.suggested_filename == "clearhead-walk.svg"
