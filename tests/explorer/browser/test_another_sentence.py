"""When the sentence changes, nothing of the last one stays beside the new one."""

from __future__ import annotations

import json

import pytest

from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.translator import Translator
from tests.explorer.browser.shell import Asked, open_page, settled, state_of

pytestmark = pytest.mark.one_page

LONG = "The old man walked slowly to the small house today."
SHORT = "The cat sleeps."
SEVERAL = "The cat sleeps. The dog does not sleep. CLOSE THE DOOR!"


def translate(page, text):
    page.locator("#sentence").fill(text)
    page.get_by_role("button", name="Translate").click()


def locked_rows(page) -> list[int]:
    """The rows that a frame of the locked row lies on, and those whose name is set apart."""
    page.wait_for_function(
        """() => document.querySelector('.page[aria-busy=false]') && [...document
            .querySelectorAll('.heads-locked table.matrix td[data-row]')]
            .every((cell) => (cell.getAttribute('aria-label') ?? cell.textContent) !== '…')"""
    )
    # What is drawn after the numbers has been drawn.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return page.evaluate(
        """() => {
            const rows = [...document.querySelectorAll('.heads-locked table.matrix tbody tr')];
            const at = (box) => rows.findIndex((row) => {
                const { top, bottom } = row.getBoundingClientRect();
                return top <= box.top + box.height / 2 && box.top + box.height / 2 < bottom;
            });
            const frames = [...document.querySelectorAll('.heads-locked .crosshair.selected')];
            const named = rows.filter((row) => row.querySelector('th.chosen'));
            return [...frames.map((frame) => at(frame.getBoundingClientRect())),
                    ...named.map((row) => rows.indexOf(row))];
        }"""
    )


@pytest.mark.parametrize("part", ["encoder", "cross"])
def test_one_row_is_locked_whatever_was_translated_before(page, part):
    open_page(page, text=LONG, view="heads", part=part, layer=1, head=2, query=5)
    assert locked_rows(page) == [5, 5]
    for text in (SHORT, LONG, "She did not see him.", SHORT):
        translate(page, text)
        page.wait_for_function("text => document.title.startsWith(text)", arg=text)
        query = int(state_of(page).get("query", 0))
        assert locked_rows(page) == [query, query], text


def test_one_row_is_locked_in_each_sentence_of_a_text_and_after_an_edit(page):
    open_page(page, text=f"{LONG} {SHORT}", view="heads", part="encoder", layer=1, query=4)
    assert locked_rows(page) == [4, 4]
    page.locator("#which-sentence").select_option(index=1)
    page.wait_for_function("() => location.hash.includes('sentence=')")
    settled(page)
    query = int(state_of(page).get("query", 0))
    assert locked_rows(page) == [query, query]
    page.locator(".map").get_by_role("button", name="Next query").click()
    assert locked_rows(page) == [query + 1, query + 1]
    # A long word for a short one: the labels of the keys are higher, and the rows stand lower.
    checkpoint = read_checkpoint("en-fr")
    names = checkpoint.tokenizer.pieces(range(checkpoint.config.vocab_size))
    long = max((name for name in names if name.startswith("▁")), key=len)
    swap = [{"kind": "swap_token", "position": 1, "token": names.index(long)}]
    page.evaluate("edits => { location.hash += `&edits=${encodeURIComponent(edits)}`; }",
                  json.dumps(swap))  # fmt: skip
    page.locator(f".heads-locked table.matrix th[scope=col] span[title='{long}']").wait_for()
    assert locked_rows(page) == [query + 1, query + 1]


def test_after_an_error_no_old_translation_stands_beside_the_new_text(page, console_errors):
    open_page(page, text=SHORT)
    old = page.locator(".translated").inner_text()
    assert old == Asked(page, {"text": SHORT}).run["translation"]
    refusal = '{"error": {"kind": "TextError", "message": "This text is of no use."}}'
    page.route("**/api/run", lambda route: route.fulfill(
        status=400, content_type="application/json", body=refusal))  # fmt: skip
    translate(page, LONG)
    page.get_by_role("alert").filter(has_text="This text is of no use.").wait_for()
    box = page.locator(".sentence-box")
    assert page.locator("#sentence").input_value() == LONG
    assert old not in box.inner_text()
    assert page.locator(".translated").inner_text() == "The translation appears here."
    # The views below are the old text's, and say so; nothing is exported under the new one's name.
    told = page.locator(".last-answer").inner_text()
    assert told == f"The last answer is still shown below: the numbers of “{SHORT}”, without edits."
    assert page.title() == f"{SHORT} → {old} · clearhead"
    assert page.get_by_role("button", name="Export").is_disabled()
    page.unroute("**/api/run")
    page.get_by_role("button", name="Try again").click()
    page.locator(".last-answer").wait_for(state="detached")
    new = Asked(page, {"text": LONG}).run["translation"]
    assert page.locator(".translated").inner_text() == new
    assert page.title() == f"{LONG} → {new} · clearhead"
    console_errors.clear()  # the browser has written down the refusal


def test_all_sentences_of_a_text_are_shown_and_one_is_walked(page):
    open_page(page, text=SEVERAL)
    pieces = Asked(page, {"text": SEVERAL}).run["sentences"]
    sentences = [piece for piece in pieces if piece["translated"]]
    assert len(sentences) == 3
    whole = page.locator(".whole")
    joined = "".join(piece.get("translation") or piece["text"] for piece in pieces)
    for number, sentence in enumerate(sentences):
        page.locator("#which-sentence").select_option(index=number)
        page.wait_for_function(
            "text => document.querySelector('.whole mark').textContent === text",
            arg=sentence["translation"],
        )
        assert whole.text_content() == joined
        assert whole.locator("mark").count() == 1
        assert page.locator(".translated").inner_text() == sentence["translation"]
    # Of the last, which is in capitals, what the model read is told, and by which rule.
    assert page.locator(".rules q").inner_text() == sentences[-1]["read"]
    assert "in ordinary case" in page.locator(".rules").inner_text()


def test_the_terminal_and_the_page_give_the_same_text(page):
    translator = Translator.load("en-fr")
    for text in (SEVERAL, "**Close the door.**", "Tom: Come with me!", "close the door", SHORT):
        open_page(page, text=text)
        expected = translator.translate(text).text
        shown = page.locator(".whole" if page.locator(".whole").count() else ".translated")
        assert shown.text_content() == expected
