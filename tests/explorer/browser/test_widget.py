"""The built widget in a notebook's page, with Python behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.explorer.browser.looking import explorer, python_run
from tests.explorer.browser.notebook import notebook, show

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TEXT, OTHER = "The black cat sleeps.", "She did not see him."


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
    return "#" + urlencode({"text": text, "language": "en", **more})


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
