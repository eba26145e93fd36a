"""The page around the views, in a real browser."""

from __future__ import annotations

import math
import re

import pytest

from tests.explorer.browser.shell import (
    FIRST,
    TABS,
    Asked,
    chosen_head,
    map_head,
    open_page,
    settled,
    state_of,
    tab,
)

# The sentence


def test_the_first_view_is_a_translation(page):
    page.goto("/")
    settled(page)
    assert tab(page, "walk").get_attribute("aria-selected") == "true"
    asked = Asked(page, {"text": FIRST})
    assert page.locator("#sentence").input_value() == FIRST
    assert page.locator(".translated").inner_text() == asked.run["translation"]
    assert page.locator(".name p").inner_text().startswith("Type a sentence")
    assert page.title() == f"{FIRST} → {asked.run['translation']} · clearhead"


def test_enter_translates_and_shift_enter_does_not(page):
    open_page(page)
    page.locator("#sentence").fill("The dog")
    page.keyboard.press("Shift+Enter")
    assert page.locator("#sentence").input_value() == "The dog\n"
    page.locator("#sentence").fill("The dog sleeps.")
    before = page.locator(".translated").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelector('.translated').innerText !== before",
                           arg=before)  # fmt: skip
    settled(page)
    translated = Asked(page, {"text": "The dog sleeps."}).run["translation"]
    assert page.locator(".translated").inner_text() == translated
    assert state_of(page)["text"] == "The dog sleeps."


def test_an_example_is_one_press_away(page):
    open_page(page, text="The dog sleeps.")
    examples = page.locator(".examples button")
    assert examples.count() >= 3
    text = examples.nth(1).inner_text()
    examples.nth(1).click()
    page.wait_for_function("text => document.title.startsWith(text)", arg=text)
    assert page.locator("#sentence").input_value() == text
    assert examples.nth(1).get_attribute("aria-pressed") == "true"


def test_one_sentence_of_a_text_is_walked_at_a_time(page):
    open_page(page, text="The cat sleeps. The dog does not sleep.")
    options = page.locator("#which-sentence option")
    assert [one.inner_text() for one in options.all()] == [
        "Sentence 1 of 2: The cat sleeps.",
        "Sentence 2 of 2: The dog does not sleep.",
    ]
    first = page.locator(".translated").inner_text()
    page.locator("#which-sentence").select_option(index=1)
    page.wait_for_function("first => document.querySelector('.translated').innerText !== first",
                           arg=first)  # fmt: skip
    alone = Asked(page, {"text": "The dog does not sleep."})
    assert page.locator(".translated").inner_text() == alone.run["translation"]


def test_the_check_is_live(page):
    open_page(page)
    said = page.locator(".check").inner_text()
    largest, numbers = re.search(
        r"difference (\S+) in log-probability over ([\d\u202f]+)", said
    ).groups()
    asked = Asked(page, {"text": FIRST})
    largest = float(largest.replace("−", "-"))
    assert math.isclose(largest, asked.run["check"]["largest"], rel_tol=0.05)
    assert 0 < largest < 1e-3
    assert int(numbers.replace("\u202f", "")) == math.prod(asked.steps["logits"]["shape"])


@pytest.mark.parametrize("invariant", [True, False])
def test_scores_that_depend_on_their_batch_are_told(page, invariant):
    def told(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "batch_invariant": invariant})

    page.route("**/api/model", told)
    open_page(page)
    words = "With the matrix library (BLAS) of this computer, the last bits of the fast model's"
    assert (words in page.locator(".check").inner_text()) is not invariant
    page.get_by_role("button", name="Português").click()
    assert ("Com a biblioteca de matrizes" in page.locator(".check").inner_text()) is not invariant


def test_nothing_jumps_while_it_computes(page):
    open_page(page)
    page.wait_for_selector(".opening-ribbon")
    heights = """() => [...document.querySelectorAll('.sentence-box, .beneath, .map')]
        .map(one => one.getBoundingClientRect().top)"""
    before = page.evaluate(heights)
    held = []
    page.route("**/api/run", lambda route: held.append(route))
    page.locator(".examples button").nth(2).click()
    page.wait_for_selector(".page[aria-busy=true]")
    assert page.locator(".progress").is_visible()
    assert page.evaluate(heights) == before
    assert page.locator(".translated").get_attribute("data-stale") == "true"
    held[0].continue_()
    settled(page)
    assert not page.locator(".progress").is_visible()


# The views and the head that they share


def test_tabs_go_by_keyboard(page):
    open_page(page, view="walk")
    tab(page, "walk").focus()
    for key, name in [("ArrowRight", "heads"), ("End", "compare"), ("ArrowRight", "walk"),
                      ("ArrowLeft", "compare"), ("Home", "walk")]:  # fmt: skip
        page.keyboard.press(key)
        page.wait_for_selector(f"[role=tabpanel][data-view={name}]")
        assert tab(page, name).get_attribute("aria-selected") == "true"
        assert page.evaluate("document.activeElement.dataset.tab") == name
        assert page.locator("[role=tab][tabindex='0']").count() == 1
    assert page.locator("[role=tabpanel]").get_attribute("aria-labelledby") == "tab-walk"


def test_the_head_is_locked_through_all_views(page):
    open_page(page)
    map_head(page, "encoder", 1, 3).click()
    page.get_by_role("button", name="Next query").click()
    for name in TABS:
        tab(page, name).click()
        page.wait_for_selector(f"[role=tabpanel][data-view={name}]")
        assert chosen_head(page) == ("encoder", "1", "3", "1")
    wanted = {"part": "encoder", "layer": "1", "head": "3", "query": "1", "view": "compare"}
    assert wanted.items() <= state_of(page).items()


def test_the_head_goes_by_keyboard(page):
    open_page(page, part="encoder")
    page.locator(".map-head[aria-pressed=true]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert chosen_head(page)[:3] == ("encoder", "0", "1")
    assert state_of(page)["head"] == "1"


def test_a_head_that_is_not_there_becomes_one_that_is(page):
    open_page(page, part="cross", layer=70, head=90, query=500)
    part, layer, head, query = chosen_head(page)
    asked = Asked(page, {"text": FIRST})
    cross = [one for one in asked.run["attention"] if one["part"] == "cross"]
    assert (part, int(layer), int(head)) == ("cross", cross[-1]["layer"], cross[-1]["heads"] - 1)
    assert int(query) == cross[-1]["queries"] - 1


# Language and theme


def test_both_languages(page):
    open_page(page)
    english = page.locator(".tabs").inner_text()
    page.get_by_role("button", name="Português").click()
    assert page.locator("label[for=sentence]").inner_text() == "Frase (inglês)"
    assert page.locator(".tabs").inner_text() != english
    assert page.locator("html").get_attribute("lang") == "pt-BR"
    assert state_of(page)["language"] == "pt"
    assert re.search(r"diferença \d\.\de−\d", page.locator(".check").inner_text())


def test_the_browsers_language_is_the_first(browser, server):
    context = browser.new_context(base_url=server, locale="pt-BR")
    page = context.new_page()
    open_page(page)
    assert page.get_by_role("button", name="Traduzir").is_visible()
    context.close()


def test_themes(page):
    def brightness() -> float:
        colour = page.locator(".page").evaluate("one => getComputedStyle(one).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3

    page.emulate_media(color_scheme="light")
    open_page(page)
    assert brightness() > 200
    page.emulate_media(color_scheme="dark")
    assert brightness() < 60
    page.get_by_label("Theme").select_option("light")
    assert brightness() > 200
    page.get_by_label("Theme").select_option("dark")
    page.emulate_media(color_scheme="light")
    assert brightness() < 60


def test_reduced_motion_is_respected(page):
    page.emulate_media(reduced_motion="reduce")
    open_page(page)
    bar = "getComputedStyle(document.querySelector('.progress'), '::before').animationName"
    assert page.evaluate(bar) == "none"


def test_nothing_spills_over_the_width(page):
    open_page(page)
    for name in TABS:
        tab(page, name).click()
        page.wait_for_selector(f"[role=tabpanel][data-view={name}]")
        page.wait_for_load_state("networkidle")
        for width in (360, 1366):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_function(f"() => document.documentElement.scrollWidth <= {width}")


def test_the_page_is_accessible(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    open_page(page, view="heads")
    page.locator("#view button.num").first.click()
    page.wait_for_selector(".where pre")
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        found = axe.Axe().run(page, context={"include": [[".top"], [".sentence-box"], [".beneath"],
            [".tabs"], [".map"], [".where"]]})  # fmt: skip
        assert not found.response["violations"], found.generate_report()
