"""The built widget in a notebook's page, with Python behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from clearhead.errors import ConfigError
from tests.explorer.browser.looking import eventually, explorer, python_run
from tests.explorer.browser.notebook import notebook, show, show_in_frame

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TEXT, OTHER = "The black cat sleeps.", "She did not see him."
QUICK = "what_if"  # the view that is drawn soonest, where any would do


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, errors: list[str]) -> Any:
    opened = notebook(browser, errors, model=explorer())
    yield opened
    opened.context.close()
    assert not errors, "The widget wrote errors: " + "\n".join(errors)


def state(text: str, **more: Any) -> str:
    return "#" + urlencode({"text": text, "language": "en", "panels": "all", **more})


def test_a_widget_shows_python_s_answers(page: Any) -> None:
    cell = show(page, "model", state(TEXT, view="heads"))
    cell.get_by_text(python_run(TEXT)["translation"]).first.wait_for()
    cell.locator("#view[data-view=heads]").wait_for()
    assert cell.locator("h1").count() == 0  # the notebook has its own


def test_python_and_the_widget_follow_each_other(page: Any) -> None:
    cell = show(page, "model", state(TEXT, view="heads"))
    cell.locator("#view[data-view=heads]").wait_for()
    cell.get_by_role("tab", name="Walk").click()
    page.wait_for_function("!new URLSearchParams(models.cell.saved.slice(1)).has('view')")
    page.evaluate("state => models.cell.set('state', state)", state(OTHER, view="words"))
    cell.get_by_text(python_run(OTHER)["translation"]).first.wait_for()
    cell.locator("#view[data-view=words]").wait_for()


def test_two_widgets_share_nothing(page: Any) -> None:
    one = show(page, "model", state(TEXT, view="heads"))
    other = show(page, "model", state(OTHER, view="words"), cell="other")
    one.get_by_text(python_run(TEXT)["translation"]).first.wait_for()
    other.get_by_text(python_run(OTHER)["translation"]).first.wait_for()
    assert one.locator("[data-view=heads]").count() == 1
    assert other.locator("[data-view=words]").count() == 1
    assert one.get_by_text(python_run(OTHER)["translation"]).count() == 0


def test_an_error_is_shown_in_its_words(page: Any) -> None:
    cell = show(page, "model", state(TEXT, sentence=7))
    shown = cell.get_by_role("alert").filter(has_text="sentence")
    shown.wait_for()
    with pytest.raises(Exception, match="sentence") as told:
        explorer().answer("run", {"text": TEXT, "sentence": 7})
    assert str(told.value) in shown.inner_text()


def test_a_cell_that_is_cleared_is_left_in_order(page: Any) -> None:
    cell = show(page, "model", state(TEXT))
    cell.locator(".clearhead").wait_for()
    page.evaluate("ends.cell()")
    assert cell.locator("*").count() == 0
    assert page.evaluate("Object.values(models.cell.heard).flat().length") == 0


LOUD = """html { font-size: 9px } body { font: italic 30px/3 cursive; color: red; direction: rtl;
letter-spacing: 0.3em; text-align: right; text-transform: uppercase; white-space: pre }
h2, button, td, .num, .page { border: 9px solid red !important; padding: 30px !important }"""
INHERITED = """one => {
  const style = getComputedStyle(one);
  return Object.fromEntries(["fontFamily", "fontSize", "fontStyle", "lineHeight", "color",
    "direction", "letterSpacing", "textAlign", "textTransform", "whiteSpace", "padding",
    "borderTopWidth"].map((name) => [name, style[name]]));
}"""


def test_the_notebook_s_rules_end_at_the_widget(page: Any) -> None:
    cell = show(page, "model", state(TEXT, view="heads"))
    cell.locator("#view[data-view=heads] td").first.wait_for()
    parts = [cell.locator(one) for one in (".page", "h2", ".tabs button", "td", ".soft")]
    quiet = [part.first.evaluate(INHERITED) for part in parts]
    page.add_style_tag(content=LOUD)
    assert page.locator("#cell").evaluate(INHERITED)["letterSpacing"] == "9px"
    assert [part.first.evaluate(INHERITED) for part in parts] == quiet


def test_the_widget_s_rules_end_there_too(page: Any) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p class=soft>Text</p>')")
    outside = page.locator("body > p.soft")  # a locator looks into shadow roots, too
    before = outside.evaluate(INHERITED)
    show(page, "model", state(TEXT)).locator(".page").wait_for()
    assert outside.evaluate(INHERITED) == before
    assert page.evaluate("document.styleSheets.length") == 0


BODY, ROOT = "document.body", "document.documentElement"
THEMES = {
    "JupyterLab": [f"{BODY}.dataset.jpThemeLight = '{value}'" for value in ("false", "true")],
    "VS Code": [f"{BODY}.className = 'vscode-{name}'" for name in ("dark", "light")],
    "VS Code, contrast": [
        f"{BODY}.className = '{name}'"
        for name in ("vscode-high-contrast", "vscode-high-contrast vscode-high-contrast-light")
    ],
    "marimo": [f"{BODY}.className = '{name}'" for name in ("dark", "light")],
    "marimo, root": [f"{ROOT}.className = '{name}'" for name in ("dark", "light")],
    "Colab": [
        f"window.google = {{ colab: {{}} }}; {ROOT}.setAttribute('theme', 'dark')",
        f"{ROOT}.removeAttribute('theme')",
    ],
}


@pytest.mark.parametrize("kind", THEMES)
@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_notebook_s_whatever_the_system_s(
    page: Any, kind: str, system: str
) -> None:
    dark, light = THEMES[kind]
    page.emulate_media(color_scheme=system)
    page.evaluate(dark)
    shown = show(page, "model", state(TEXT, view=QUICK)).locator(".page")
    for change, theme in (("0", "dark"), (light, "light"), (dark, "dark")):
        page.evaluate(change)
        eventually(page, lambda theme=theme: has_theme(shown, theme))


def has_theme(shown: Any, theme: str) -> None:
    assert shown.get_attribute("data-theme") == theme
    assert shown.evaluate("one => getComputedStyle(one).colorScheme") == theme


def test_where_no_notebook_tells_it_the_theme_is_the_system_s(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    shown = show(page, "model", state(TEXT, view=QUICK)).locator(".page")
    eventually(page, lambda: has_theme(shown, "dark"))
    page.emulate_media(color_scheme="light")
    eventually(page, lambda: has_theme(shown, "light"))


@pytest.mark.parametrize("number", ["[data-step=tokens] .num", "[data-step=softmax] .num"])
def test_in_another_page_s_frame_the_panel_is_in_view(page: Any, number: str) -> None:
    cell = show_in_frame(page, "model", state(TEXT))
    asked = cell.locator(number).last
    asked.wait_for()
    eventually(page, lambda: loaded(cell))
    asked.scroll_into_view_if_needed()
    asked.click()
    panel = cell.locator(".where")
    panel.locator(".where-body[aria-busy=false]").wait_for()
    for far in (0, 400, -400):
        page.mouse.move(40, 400)
        page.mouse.wheel(0, far)
        eventually(page, lambda: on_screen(panel))


def loaded(cell: Any) -> None:
    assert cell.locator(".walk-loading").count() == 0


def on_screen(panel: Any) -> None:
    box = panel.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 800
    assert box["height"] >= 160


def test_where_the_clipboard_is_closed_the_program_is_marked(page: Any) -> None:
    page.evaluate("navigator.clipboard && (navigator.clipboard.writeText = Promise.reject)")
    cell = show(page, "model", state(TEXT))
    cell.locator("[data-step=contributions] .num").last.click()
    program = cell.locator(".where pre")
    program.wait_for()
    cell.get_by_role("button", name="Copy as Python").click()
    marked = "one => String(one.getRootNode().getSelection())"
    eventually(page, lambda: told(program.evaluate(marked), program.inner_text()))


def told(text: str, expected: str) -> None:
    assert text.strip() == expected.strip()


class Late:
    """An explorer that cannot answer at first."""

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, question: str, params: Any = None) -> Any:
        self.asked += 1
        if self.asked == 1:
            raise ConfigError("The model is not there yet.")
        return explorer().answer(question, params)


def test_asking_again_leaves_the_notebook_s_page_as_it_is(browser: Browser) -> None:
    errors: list[str] = []
    page = notebook(browser, errors, late=Late())
    page.evaluate("window.unsaved = true")
    cell = show(page, "late", state(TEXT, view="heads"))
    cell.get_by_text("The model is not there yet.").wait_for()
    cell.get_by_role("button", name="Try again").click()
    cell.get_by_text(python_run(TEXT)["translation"]).first.wait_for()
    assert page.evaluate("window.unsaved")
    page.context.close()
    assert not errors
