"""A classifier's page: its label, the probabilities of all, and what changes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from clearhead.explorer import explorer_of
from tests.explorer.browser.looking import number
from tests.explorer.browser.shell import open_page, settled, state_of
from tests.explorer.served import served
from tests.translation.conftest import write_classifier

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

TEXT = "The old man walks slowly to the river."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("models") / "tiny-classifier")


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    """The answers that the page's numbers are compared with."""
    explorer = explorer_of(str(folder))
    run = explorer.answer("run", {"text": TEXT}).json
    hidden = explorer.answer("discovery", {"run": run["request"], "kind": "hide_word"}).json
    after = explorer.answer("run", {"text": TEXT, "edits": hidden["edits"]}).json
    return {"run": run, "hidden": hidden, "after": after}


@pytest.fixture
def page(browser: Browser, folder: Path, console_errors: list[str]) -> Iterator[Page]:
    with served("--model", str(folder)) as running:
        context = browser.new_context(base_url=running.base, locale="en-GB")
        context.set_default_timeout(60_000)
        opened = context.new_page()
        opened.on("pageerror", lambda error: console_errors.append(str(error)))
        yield opened
        context.close()
    assert not console_errors


def test_the_label_its_probability_and_what_changes_it(
    page: Page, expected: dict[str, Any]
) -> None:
    run, hidden = expected["run"], expected["hidden"]
    open_page(page, text=TEXT, view="heads")
    assert page.locator(".translated").inner_text() == run["translation"]
    ranked = sorted(run["labels"], key=lambda one: -one["probability"])
    names = page.locator(".labels .label-name").all_inner_texts()
    assert names == [one["label"] for one in ranked]
    for shown, one in zip(page.locator(".labels .num").all(), ranked, strict=True):
        assert number(shown.inner_text()) == pytest.approx(one["probability"], rel=6e-4)

    # A probability is a softmax over logits, whose places are labels.
    page.locator(".labels .num").first.click()
    page.locator(".where pre").first.wait_for()
    where = page.locator(".where").inner_text()
    assert "logits of all labels" in where
    for one in ranked:
        assert one["label"].replace(" ", "␣") in where  # named as tokens are
    assert "<pad>" not in where
    page.keyboard.press("Escape")

    # The opening picture: its one query is the label.
    queries = page.locator(".opening-word[data-side=query]")
    assert queries.all_inner_texts() == [run["translation"]]
    button = page.locator(".opening-discover[data-kind=hide_word]")
    button.get_by_text(hidden["word"]["text"]).wait_for()
    button.click()
    before, after = page.locator(".opening-outcome dd").all()
    assert before.inner_text().startswith(hidden["before"])
    assert after.inner_text().startswith(hidden["after"])
    for one in (before, after):
        assert one.locator(".opening-chance").count() == 1

    # Followed, the view of edits compares the probabilities of all labels.
    page.locator(".opening-follow").click()
    page.locator(".label-change").wait_for()
    settled(page)
    assert state_of(page)["view"] == "what_if"
    then = {one["label"]: one["probability"] for one in expected["after"]["labels"]}
    for row in page.locator(".label-change tbody tr").all():
        label = row.locator("th").inner_text()
        shown = number(row.locator("[data-cell=after]").inner_text())
        assert shown == pytest.approx(then[label], rel=6e-4)


def test_the_walk_ends_with_labels_and_all_is_accessible(
    page: Page, expected: dict[str, Any]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    open_page(page, text=TEXT, view="walk", panels="all", step="words")
    page.locator("#walk-words .walk-words .num").first.wait_for()
    rows = page.locator("#walk-words tbody th").all_inner_texts()
    assert rows[0] == expected["run"]["translation"]
    assert sorted(rows) == ["no", "so so", "yes"]
    page.locator(".opening-ribbon").first.wait_for()
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        found = axe.Axe().run(
            page, context={"include": [[".opening"], [".translation"], ["#walk-words"]]}
        )
        assert not found.response["violations"], found.generate_report()
