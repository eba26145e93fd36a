"""The walk: its panels, and everything that can be done on them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.explorer.browser.walk_page import (
    AFTER,
    BEFORE,
    CHOSEN,
    END,
    decoder_input,
    ids,
    number,
    numbers,
    opened,
    settled,
    traced,
)


@pytest.mark.parametrize(
    ("part", "between"), [("encoder", []), ("cross", []), ("decoder", ["cross"])]
)
def test_panels_stand_in_the_order_of_computation(page, part, between):
    opened(page, part=part, layer=1, head=1)
    panels = page.locator(".walk-panel")
    order = panels.evaluate_all("all => all.map(panel => panel.dataset.step)")
    assert order == [*BEFORE, *AFTER, *between, *END]
    titles = panels.locator("h2").all_inner_texts()
    assert [int(re.match(r"\d+", title)[0]) for title in titles] == list(range(1, len(order) + 1))
    sentences = panels.locator(".walk-sentence").all_inner_texts()
    assert len(sentences) == len(order)
    assert all(text.endswith(".") for text in sentences)
    # Nothing is hidden: every panel is there to be scrolled to.
    assert all(panel.is_visible() for panel in panels.all())
    assert page.locator(".walk details").count() == 0
    listed = page.locator(".walk-contents a").all_inner_texts()
    assert [re.sub(r"\s+", "", text) for text in listed] == [
        re.sub(r"\s+", "", text) for text in titles
    ]


def test_links_lead_on_and_back_and_the_address_holds_the_panel(page):
    opened(page, part="encoder", layer=0, head=0)
    page.locator("#walk-scores .walk-neighbours a", has_text="Scaled").click()
    assert "step=scaled" in page.url
    assert page.evaluate("document.activeElement.id") == "walk-scaled-title"
    page.locator("#walk-scaled .walk-neighbours a", has_text="Raw scores").click()
    assert page.evaluate("document.activeElement.id") == "walk-scores-title"
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.locator("#walk-scores-title").wait_for()
    page.wait_for_function("() => document.activeElement?.id === 'walk-scores-title'")
    settled(page)
    assert page.locator("#walk-scores").evaluate(
        "e => e.getBoundingClientRect().top < innerHeight / 2"
    )


def test_masked_cells_are_hatched_and_where_nothing_is_masked_it_says_so(page):
    opened(page, part="decoder", layer=0, head=0, query=3)
    count = len(ids(page, "decoder.tokens"))
    later = count * (count - 1) // 2
    assert page.locator("#walk-masked td.masked").count() == later
    assert page.locator("#walk-softmax td.masked").count() == later
    assert page.locator("#walk-scores td.masked").count() == 0
    assert page.locator("#walk-masked .walk-swatch.masked").count() == count - 4
    said = page.locator(".walk-mask-status")
    assert said.inner_text() == f"In this row {count - 4} of {count} keys are masked (hatched)."
    opened(page, part="encoder", layer=0, head=0)
    assert "Nothing is masked here" in said.inner_text()
    assert page.locator("#walk-masked td.masked").count() == 0


def test_another_choice_draws_in_place(page):
    opened(page, part="encoder", layer=0, head=0, query=2, key=1)
    page.locator("#walk-softmax").evaluate("e => e.scrollIntoView()")
    before = page.evaluate("scrollY")
    page.locator("#walk-softmax").get_by_role("button", name="key 5", exact=False).first.click()
    page.wait_for_function("() => location.hash.includes('key=5')")
    settled(page)
    assert page.locator(CHOSEN).get_attribute("data-index") == "0,0,2,5"
    page.locator("#query").select_option("4")
    page.locator(f"{CHOSEN}[data-index='0,0,4,5']").wait_for()
    assert page.evaluate("scrollY") == before
    assert "query=4" in page.url


def test_the_key_is_the_one_with_the_largest_weight_where_none_is_chosen(page):
    opened(page, part="cross", layer=1, head=0, query=2)
    row = [s for s in numbers(page, "#walk-softmax table") if s.path.endswith(".weights")]
    largest = max(row, key=lambda shown: shown.value).index[-1]
    assert page.locator(CHOSEN).get_attribute("data-index") == f"0,0,2,{largest}"


def test_a_vector_is_walked_by_keyboard_and_pointed_at(page):
    opened(page, part="cross", layer=0, head=1, query=1)
    trace = traced(ids(page, "decoder.tokens"))
    vector = trace["decoder.layers.0.cross_attention.concatenated"].value[0, 1]
    grid = page.locator("#walk-heads").get_by_role("grid").first
    read = page.locator("#walk-heads .walk-readout").first.locator("button")
    grid.locator("[tabindex='0']").focus()
    for key, component in [("End", 255), ("ArrowLeft", 254), ("Home", 0), ("ArrowRight", 1)]:
        page.keyboard.press(key)
        focused = page.locator(":focus")
        assert focused.get_attribute("role") == "gridcell"
        assert f"component {component} of 0–255" in focused.get_attribute("aria-label")
        assert number(read.get_attribute("title")) == vector[component]
    page.keyboard.press("Enter")
    assert "concatenated[0, 1, 1]" in page.locator("[role=dialog].where").inner_text()
    page.keyboard.press("Escape")
    page.locator("#walk-heads .walk-vectors-touch").first.hover(position={"x": 2, "y": 5})
    assert read.get_attribute("data-index") == "0,1,0"


def test_colours_tell_the_signs_of_a_vector(page):
    opened(page, part="encoder", layer=0, head=0, query=1, theme="light")
    trace = traced(decoder_input(page))
    vector = trace["encoder.layers.0.input"].value[0, 1]
    pixel = """(canvas, at) => {
        const x = Math.floor((at + 0.5) * canvas.width / 256);
        return [...canvas.getContext('2d').getImageData(x, canvas.height >> 1, 1, 1).data];
    }"""
    canvas = page.locator("#walk-input canvas").first
    red, _, blue, _ = canvas.evaluate(pixel, int(vector.argmax()))
    assert red > blue + 40  # orange
    red, _, blue, _ = canvas.evaluate(pixel, int(vector.argmin()))
    assert blue > red + 40  # violet
    zero = canvas.evaluate(pixel, int(np.abs(vector).argmin()))
    assert min(zero[:3]) > 225


def test_all_by_keyboard(page):
    opened(page, part="encoder", layer=0, head=0, query=0, key=0)
    page.locator("#walk-softmax h2").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#walk-softmax table button')"):
            break
    assert page.evaluate("document.activeElement.textContent").startswith("0")
    # The whole table is one stop; arrows go through its cells.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash.includes('key=2')")
    settled(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.path").endswith("self_attention.exp")
    assert page.evaluate("document.activeElement.dataset.index") == "0,0,0,2"
    page.keyboard.press("Enter")
    page.locator(".where pre").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.index") == "0,0,0,2"
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.matches('#walk-softmax .walk-table table *')")
    link = page.locator("#walk-softmax .walk-neighbours a").last
    link.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "walk-contributions-title"


def test_portuguese(page):
    opened(page, part="decoder", layer=1, head=0, language="en")
    english = page.locator(".walk-sentence, .walk-panel h2, .walk h3").all_inner_texts()
    opened(page, part="decoder", layer=1, head=0, language="pt")
    page.get_by_role("heading", name="Contribuições").wait_for()
    portuguese = page.locator(".walk-sentence, .walk-panel h2, .walk h3").all_inner_texts()
    assert len(english) == len(portuguese)
    same = [text for text, other in zip(english, portuguese, strict=True) if text == other]
    assert {re.sub(r"^\d+\s*", "", text) for text in same} <= {
        "Softmax",
        "Embedding",
        "Feed-forward",
        "Logits",
    }
    assert "pesos de roteamento" in " ".join(portuguese)
    assert page.locator(".walk-mask-status").inner_text().startswith("Nesta linha")


LONG = " ".join(["the old man and the young woman walked slowly along the river"] * 6) + "."


def test_a_long_sentence_says_what_is_not_shown(page):
    opened(page, text=LONG, part="encoder", layer=0, head=1, query=40, key=41)
    of = len(ids(page, "encoder.tokens"))
    assert of > 60
    table = page.locator("#walk-softmax .walk-table tbody tr")
    assert table.count() == 24
    said = page.locator("#walk-softmax .walk-truncation")
    first, last = map(int, re.search(r"Keys (\d+)–(\d+) of", said.last.inner_text()).groups())
    assert last - first == 23
    assert first <= 41 <= last
    assert f"of 0–{of - 1} are shown" in said.last.inner_text()
    elsewhere = page.locator("#walk-softmax .walk-note", has_text="not shown").inner_text()
    count, mass = re.search(r"The (\d+) keys not shown hold ([\d.e-]+)", elsewhere).groups()
    here = sum(s.value for s in numbers(page, "#walk-softmax table") if s.path.endswith(".weights"))
    assert int(count) == of - 24
    assert here + float(mass) == pytest.approx(1, abs=2e-3)
    said.last.get_by_role("button", name="later").click()
    settled(page)
    first = last + 1 if last + 24 < of else of - 24
    page.locator("#walk-softmax tbody button", has_text=re.compile(f"^{first}\\D")).first.wait_for()


def test_pictures_and_numbers_are_saved(page):
    opened(page, part="decoder", layer=0, head=2, query=3)
    trace = traced(ids(page, "decoder.tokens"))
    saved = {}
    for kind in ("SVG", "PNG", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
            page.get_by_role("menuitem", name=f"This view as {kind}").click()
        saved[kind] = download.value.path().read_bytes()
    assert saved["PNG"].startswith(b"\x89PNG")
    svg = saved["SVG"].decode()
    count = trace["decoder.tokens"].value.shape[1]
    # Scores, scaled and masked scores and weights; 64 components for each key and for their sum.
    masked = count * (count - 1) // 2
    drawn = 4 * count * count - masked + 64 * (count + 1)
    assert svg.count('class="cell"') in (drawn, drawn - masked)
    for title in ("Raw scores", "Scaled", "Masked", "Softmax", "Contributions"):
        assert title in svg
    shown = json.loads(saved["JSON"])["shown"]
    kept = {entry["path"]: entry for entry in shown["numbers"]}
    for name in ("scores", "weights", "contributions", "masked"):
        entry = kept[f"decoder.layers.0.self_attention.{name}"]
        window = tuple(slice(*axis) for axis in entry["window"])
        wanted = trace[entry["path"]].value[window].ravel()
        got = [-np.inf if value is None else value for value in entry["values"]]
        np.testing.assert_array_equal(got, wanted)
