"""The first screen: the opening picture, three discoveries, the first minute in five presses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clearhead.explorer.offline.page import offline_html
from tests.explorer.browser.looking import explorer, number, python_run
from tests.explorer.browser.shell import open_page, settled, state_of
from tests.explorer.others import gpt2_folder
from tests.explorer.served import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

TEXT = "The black cat sleeps."
NEGATION = "She did not see him."
SCREENS = [(1440, 900), (1024, 768), (390, 844)]


def alignment_of(text: str = TEXT) -> dict[str, Any]:
    return explorer().answer("alignment", {"run": python_run(text)["request"]}).json


def discovery_of(kind: str, text: str = TEXT) -> dict[str, Any]:
    return explorer().answer("discovery", {"run": python_run(text)["request"], "kind": kind}).json


def word(page: Page, side: str, text: str) -> Locator:
    return page.locator(f".opening-word[data-side={side}]").get_by_text(text, exact=True).first


def discover(page: Page, kind: str) -> Locator:
    """Press one of the three when it was found; the two texts that it ends in."""
    button = page.locator(f".opening-discover[data-kind={kind}]")
    page.wait_for_function(
        "kind => !/trying|testando/.test("
        "document.querySelector(`.opening-discover[data-kind=${kind}]`).innerText)",
        arg=kind,
    )
    button.click()
    return page.locator(".opening-outcome .opening-before-after dd")


def ribbon(page: Page, query: int, key: int) -> list[float]:
    """The middles of both ends of a ribbon across the page: of the query's, and of the key's."""
    shape = page.locator(f".opening-ribbon[data-query='{query}'][data-key='{key}']")
    start, end = re.split("L", shape.get_attribute("d"))
    xs = [float(pair.split(" ")[0]) for pair in re.findall(r"[\d.-]+ [\d.-]+", start + "L" + end)]
    return [(xs[0] + xs[-1]) / 2, (xs[3] + xs[4]) / 2]


def test_the_first_minute_takes_five_presses_at_most(page: Page) -> None:
    """From `make explore` to a crossing seen, a word hidden and a number traced."""
    presses = 0

    # What opens is a sentence in which words cross, and the picture shows it.
    page.goto("/")
    page.locator(".opening-ribbon").first.wait_for()
    assert page.locator("#sentence").input_value() == TEXT
    alignment = alignment_of()
    first, second = alignment["crossing"]
    keys = [row.index(max(row)) for row in alignment["weights"]]
    one, other = ribbon(page, first, keys[first]), ribbon(page, second, keys[second])
    assert one[0] < other[0]
    assert one[1] > other[1]
    said = page.locator(".opening-said")
    for place in (first, second):
        assert f"“{alignment['queries'][place]['text']}”" in said.inner_text()
        assert f"“{alignment['keys'][keys[place]]['text']}”" in said.inner_text()

    # 1. One of the two words: its ribbon stands out, and what it drew on is said.
    text = alignment["queries"][second]["text"]
    word(page, "query", text).click()
    presses += 1
    share = round(100 * max(alignment["weights"][second]))
    key = alignment["keys"][keys[second]]["text"]
    assert said.inner_text().startswith(f"“{text}” drew on “{key}” {share} %")
    strong = page.locator(".opening-ribbon[data-mood=strong]")
    assert {one.get_attribute("data-query") for one in strong.all()} == {str(second)}

    # 2. A word is hidden: the translation before and after, in large type.
    before, after = discover(page, "hide_word").all()
    presses += 1
    found = discovery_of("hide_word")
    assert before.inner_text() == found["before"] == python_run(TEXT)["translation"]
    assert after.inner_text() == found["after"] != found["before"]
    assert python_run(TEXT, edits=found["edits"])["translation"] == found["after"]
    size = after.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
    assert size >= 22

    # 3. The number of the ribbon, traced to what it is made of.
    weight = page.locator(".opening-reading button.num")
    path = f"decoder.layers.{alignment['heads'][0]['layer']}.cross_attention.weights"
    assert weight.get_attribute("data-path") == path
    assert number(weight.inner_text()) == pytest.approx(max(alignment["weights"][second]), abs=6e-5)
    weight.click()
    presses += 1
    page.locator(".where pre").first.wait_for()
    assert "exp" in page.locator(".where").inner_text()
    assert presses <= 5


@pytest.mark.parametrize(("width", "height"), SCREENS)
@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_picture_is_above_the_fold(page: Page, width: int, height: int, language: str) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"/#language={language}")
    page.locator(".opening-ribbon").first.wait_for()
    assert page.evaluate("scrollY") == 0
    for one in page.locator(".opening-word").all():
        box = one.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pointer_finger_and_focus_show_what_a_word_drew_on(page: Page) -> None:
    open_page(page, text=TEXT)
    page.locator(".opening-ribbon").first.wait_for()
    said = page.locator(".opening-said")
    whole = said.inner_text()
    word(page, "query", "noir").hover()
    assert said.inner_text().startswith("“noir” drew on “black”")
    page.locator(".top").hover()
    assert said.inner_text() == whole

    # The keyboard: one stop for each side, arrows within it; a screen reader hears the same.
    word(page, "key", "The").focus()
    page.keyboard.press("ArrowRight")
    assert said.inner_text().startswith("“black” was drawn on by “noir”")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert said.inner_text().startswith("“Le” drew on “The”")
    page.keyboard.press("ArrowRight")
    focus = page.locator(".opening-word:focus")
    assert focus.get_attribute("aria-label") == said.inner_text()
    # Pressed, the views below follow.
    page.keyboard.press("Enter")
    best = alignment_of()["heads"][0]
    state = state_of(page)
    assert [state.get("layer", "0"), state.get("head", "0"), state.get("query", "0")] == [
        str(best["layer"]), str(best["head"]), "1",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["hide_word", "switch_off"])
def test_a_discovery_can_be_followed_through_the_page(page: Page, kind: str) -> None:
    open_page(page, text=NEGATION)
    before, after = discover(page, kind).all()
    found = discovery_of(kind, NEGATION)
    assert [before.inner_text(), after.inner_text()] == [found["before"], found["after"]]
    if kind == "hide_word":
        struck = page.locator(".opening-word[data-hidden]")
        assert struck.all_inner_texts() == [found["word"]["text"]]
    page.locator(".opening-follow").click()
    page.wait_for_function("text => document.querySelector('.translated').innerText === text",
                           arg=found["after"])  # fmt: skip
    settled(page)
    assert state_of(page)["view"] == "what_if"
    assert page.locator(".before-after .edit-translation").all_inner_texts() == [
        found["before"], found["after"],
    ]  # fmt: skip
    # The discovery is still that of the sentence as it was.
    assert after.inner_text() == found["after"]


def test_a_slider_makes_it_unsure(page: Page) -> None:
    open_page(page, text=TEXT)
    before, after = discover(page, "temperature").all()
    found = discovery_of("temperature")
    draws = found["draws"]
    slider = page.get_by_role("slider")
    texts = [draw["text"] + ("" if draw["ended"] else " …") for draw in draws]
    assert int(slider.input_value()) == found["draw"]
    assert after.inner_text() == texts[found["draw"]]
    slider.focus()
    page.keyboard.press("Home")
    assert after.inner_text() == texts[0] == before.inner_text()
    page.keyboard.press("End")
    assert after.inner_text() == texts[-1] != before.inner_text()
    assert str(draws[-1]["temperature"]).rstrip("0").rstrip(".") in slider.get_attribute(
        "aria-valuetext"
    )


@pytest.mark.parametrize(("language", "name"), [("en", "query"), ("pt", "consulta")])
def test_a_term_is_explained_where_it_stands(page: Page, language: str, name: str) -> None:
    open_page(page, text=TEXT, language=language)
    term = page.locator("button.term").get_by_text(name, exact=True)
    term.click()
    note = page.locator(".term-note:not(:empty)")
    assert note.locator("p").count() == 4
    assert note.locator("svg").is_visible()
    page.keyboard.press("Escape")
    assert note.count() == 0
    assert term.evaluate("one => one === document.activeElement")


def test_what_the_model_cannot_do_stands_under_its_translation(page: Page) -> None:
    open_page(page, text=TEXT)
    limits = explorer().answer("model", {}).json["limits_in_words"]
    line = page.locator(".translation .opening-limits")
    assert limits.startswith(line.locator("[lang=en]").first.inner_text())
    line.locator("summary").click()
    assert limits.endswith(line.locator("p").inner_text())
    assert page.locator(".opening-language").count() == 0
    open_page(page, text="O gato preto não dorme.", language="pt")
    assert "parece português" in page.locator(".opening-language").inner_text()


def test_it_is_accessible(page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    open_page(page, text=TEXT)
    discover(page, "temperature")
    page.locator("button.term").first.click()
    word(page, "query", "noir").focus()
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        found = axe.Axe().run(page, context={"include": [[".opening"], [".translation"]]})
        assert not found.response["violations"], found.generate_report()


def test_where_trials_and_weights_differ_about_alignment_it_is_said(page: Page) -> None:
    """The picture's head is found by trying; the map measures weights alone."""
    text = "Where is the old house?"
    best = alignment_of(text)["heads"][0]
    request = python_run(text)["request"]
    kinds = explorer().answer("head_kinds", {"run": request, "part": "cross"}).json["layers"]
    own = kinds[best["layer"]][best["head"]]
    shares = {
        (layer, head): round(100 * one["measures"]["aligned"])
        for layer, heads in enumerate(kinds)
        for head, one in enumerate(heads)
        if one["kind"] == "aligned"
    }
    most = max(shares, key=shares.__getitem__, default=None)
    open_page(page, text=text)
    page.locator(".opening-ribbon").first.wait_for()
    page.wait_for_timeout(1000)  # for the kinds of heads
    said = " ".join(page.locator(".opening-map-says").all_inner_texts())
    if own["kind"] != "aligned":
        assert f"calls this head “{own['kind']}" in said
    elif shares[most] > shares[best["layer"], best["head"]]:
        assert "another is more aligned: cross-attention, layer" in said
        assert f"{shares[most]}\u00a0%; this one" in said
    else:
        assert said == ""


def test_it_can_be_folded_away(page: Page) -> None:
    open_page(page, text=TEXT)
    page.locator(".opening-ribbon").first.wait_for()
    page.locator(".opening-fold").click()
    assert page.locator(".opening-ribbons").count() == 0
    page.locator(".opening-fold").click()
    page.locator(".opening-ribbon").first.wait_for()


def test_a_saved_page_opens_with_it(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "saved.html"
    file.write_text(offline_html(explorer(), {"text": TEXT}, effect_seconds=0), "utf-8")
    context = browser.new_context(offline=True, locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(file.as_uri())
    page.locator(".opening-ribbon").first.wait_for()
    assert page.locator(".opening-said").inner_text().startswith("Two ribbons cross")
    _, after = discover(page, "hide_word").all()
    assert after.inner_text() == discovery_of("hide_word")["after"]
    page.locator(".opening-reading button.num").click()
    page.locator(".where pre").first.wait_for()
    context.close()


def test_a_decoder_alone_shows_what_its_new_words_drew_on(browser: Browser, tmp_path: Path) -> None:
    with served("--model", str(gpt2_folder(tmp_path / "tiny-gpt2"))) as running:
        context = browser.new_context(base_url=running.base, locale="en-GB")
        context.set_default_timeout(60_000)
        page = context.new_page()
        open_page(page, text="Once upon a time", tokens=3)
        page.locator(".opening-ribbon").first.wait_for()
        keys = page.locator(".opening-word[data-side=key]").all_inner_texts()
        assert keys[:4] == ["Once", "upon", "a", "time"]
        assert "decoder, layer" in page.locator(".opening-found").inner_text()
        assert discover(page, "hide_word").count() == 2
        context.close()
