"""What is not answered is told in words: what came, what to do, and whose numbers still stand."""

from __future__ import annotations

import pytest

from tests.explorer.browser.shell import FIRST, open_page, settled, state_of


def test_an_error_says_what_to_do_and_the_next_sentence_mends_it(page, console_errors):
    page.goto("/#sentence=40")
    alert = page.get_by_role("alert").filter(has_text="That did not work.")
    alert.wait_for()
    assert "sentence must be between 0 and 0; it is 40" in alert.inner_text()
    page.get_by_role("button", name="Translate").click()
    settled(page)
    assert not page.locator(".failure").is_visible()
    console_errors.clear()  # the browser has written down the refusal


def test_a_server_that_is_gone_is_told_and_the_page_stays(page, console_errors):
    open_page(page)
    page.route("**/api/run", lambda route: route.abort())
    shown = page.locator(".translated").inner_text()
    page.locator(".examples button").nth(1).click()
    alert = page.get_by_role("alert").filter(has_text="clearhead explore")
    alert.wait_for()
    # The views stay, and say whose they are: the new text has no translation yet.
    assert page.locator("#view").is_visible()
    assert f"the numbers of “{FIRST}”, without edits" in page.locator(".last-answer").inner_text()
    assert shown not in page.locator(".sentence-box").inner_text()
    page.unroute("**/api/run")
    alert.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".failure", state="hidden")
    settled(page)
    assert not page.locator(".last-answer").is_visible()
    assert page.locator(".translated").inner_text() != shown
    console_errors.clear()


@pytest.mark.parametrize("text", ["", "   \n "])
def test_an_empty_text_is_told(page, text):
    open_page(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#sentence").fill(text)
    page.get_by_role("button", name="Translate").click()
    alert = page.locator(".sentence [role=alert]")
    assert alert.inner_text() == "The text is empty. Type a sentence, such as “The cat sleeps.”"
    assert page.locator("#sentence").get_attribute("aria-invalid") == "true"
    assert page.locator("#sentence").get_attribute("aria-describedby") == "sentence-refused"
    page.get_by_role("button", name="Português").click()
    assert alert.inner_text().startswith("O texto está vazio.")
    # The discoveries of the first text may still be on their way.
    assert not [url for url in asked if url.endswith("/api/run")]
    page.locator("#sentence").fill("The dog sleeps.")
    assert not alert.is_visible()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.title.startsWith('The dog')")


def test_a_text_that_is_too_long_is_told_and_not_cut(page):
    open_page(page)
    long = "The cat sleeps. " * 1875  # 30,000 characters
    page.locator("#sentence").fill(long)
    assert page.locator("#sentence").input_value() == long
    page.get_by_role("button", name="Translate").click()
    told = page.locator(".sentence [role=alert]").inner_text()
    assert told.startswith("A text may have 20\u202f000 characters here; this one has 29\u202f999.")
    assert "Give a part of it" in told
    assert state_of(page)["text"] == FIRST


def test_one_endless_word_is_told_as_that(page, console_errors):
    open_page(page)
    page.locator("#sentence").fill("a" * 3000)
    page.get_by_role("button", name="Translate").click()
    alert = page.get_by_role("alert").filter(has_text="That did not work.")
    alert.wait_for()
    assert "a word may have 199 characters, and its longest has 3,000" in alert.inner_text()
    assert "no letters" not in alert.inner_text()
    console_errors.clear()  # the browser has written down the refusal
