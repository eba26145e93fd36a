"""The page around the views, and where its numbers come from, in a real browser."""

from __future__ import annotations

import json
import math
import re
import struct
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest

from clearhead.explorer.arrays import decode
from clearhead.explorer.derivation_snippet import applicable, operand_values, resolved, snippet

TEA = "I would like a cup of tea."
TABS = ["walk", "heads", "words", "what_if", "compare"]
ABLATION = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}


def open_page(page, **state):
    """Open the page in a view that is quickly drawn, or in the one that is named."""
    state.setdefault("view", "what_if")
    for name, value in state.items():
        state[name] = value if isinstance(value, str) else json.dumps(value)
    page.goto(f"/#{urlencode(state)}")
    settled(page)


def settled(page):
    """Wait until nothing is being computed."""
    page.wait_for_selector(".page[aria-busy=false] [role=tabpanel]")


def state_of(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(page.url.partition("#")[2]).items()}


def chosen_head(page) -> tuple[str, ...]:
    picker = page.locator(".picker")
    checked = picker.locator("input:checked").evaluate_all("all => all.map(one => one.value)")
    return (*checked, picker.locator("#query").input_value())


def tab(page, name):
    return page.locator(f"[data-tab={name}]")


class Asked:
    """The answers of the server that the page has, asked again."""

    def __init__(self, page, request) -> None:
        self.page = page
        self.run = self.json("run", request)
        self.steps = {step["path"]: step for step in self.run["steps"]}

    def json(self, question, params):
        return self.page.request.post(f"/api/{question}", data=params).json()

    def array(self, path, window):
        params = {"run": self.run["request"], "items": [{"path": path, "window": window}]}
        answer = self.page.request.post("/api/array", data=params).body()
        about, arrays = decode(answer)
        return arrays["0"], about["items"][0]["shape"]

    def fetch(self, path, where):
        """As the page gets an operand: a window, its single places taken out."""
        single = tuple(axis for axis, entry in enumerate(where) if entry != slice(None))
        _, shape = self.array(path, [[0, 1] if e == slice(None) else [e, e + 1] for e in where])
        spans = zip(where, shape, strict=True)
        window = [[0, size] if e == slice(None) else [e, e + 1] for e, size in spans]
        return self.array(path, window)[0].squeeze(single)


# The sentence


def test_the_first_view_is_a_translation(page):
    page.goto("/")
    settled(page)
    assert tab(page, "walk").get_attribute("aria-selected") == "true"
    asked = Asked(page, {"text": TEA})
    assert page.locator("#sentence").input_value() == TEA
    assert page.locator(".translated").inner_text() == asked.run["translation"]
    assert page.locator(".name p").inner_text().startswith("Type a sentence")
    assert page.title() == f"{TEA} → {asked.run['translation']} · clearhead"


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
    asked = Asked(page, {"text": TEA})
    largest = float(largest.replace("−", "-"))
    assert math.isclose(largest, asked.run["check"]["largest"], rel_tol=0.05)
    assert 0 < largest < 1e-3
    assert int(numbers.replace("\u202f", "")) == math.prod(asked.steps["logits"]["shape"])


def test_nothing_jumps_while_it_computes(page):
    open_page(page)
    heights = """() => [...document.querySelectorAll('.sentence-box, .beneath, .picker')]
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
    page.get_by_role("radio", name="Encoder").check(force=True)
    page.locator(".picker fieldset").nth(1).get_by_role("radio", name="1", exact=True).check(
        force=True
    )
    page.locator(".picker fieldset").nth(2).get_by_role("radio", name="3", exact=True).check(
        force=True
    )
    page.get_by_role("button", name="Next query").click()
    for name in TABS:
        tab(page, name).click()
        page.wait_for_selector(f"[role=tabpanel][data-view={name}]")
        assert chosen_head(page) == ("encoder", "1", "3", "1")
    wanted = {"part": "encoder", "layer": "1", "head": "3", "query": "1", "view": "compare"}
    assert wanted.items() <= state_of(page).items()


def test_the_head_goes_by_keyboard(page):
    open_page(page, part="encoder")
    page.locator(".picker input:checked").first.focus()
    page.keyboard.press("ArrowRight")
    assert chosen_head(page)[0] == "decoder"
    assert state_of(page)["part"] == "decoder"


def test_a_head_that_is_not_there_becomes_one_that_is(page):
    open_page(page, part="cross", layer=70, head=90, query=500)
    part, layer, head, query = chosen_head(page)
    asked = Asked(page, {"text": TEA})
    cross = [one for one in asked.run["attention"] if one["part"] == "cross"]
    assert (part, int(layer), int(head)) == ("cross", cross[-1]["layer"], cross[-1]["heads"] - 1)
    assert int(query) == cross[-1]["queries"] - 1


# The address


def test_a_shared_address_restores_everything(page):
    state = {"text": "The cat sleeps.", "view": "heads", "part": "cross", "layer": 1, "head": 2,
             "query": 3, "beam": 2, "edits": [ABLATION],
             "language": "pt", "theme": "dark"}  # fmt: skip
    open_page(page, **state)
    assert page.locator("html").get_attribute("lang") == "pt-BR"
    assert tab(page, "heads").get_attribute("aria-selected") == "true"
    assert chosen_head(page) == ("cross", "1", "2", "3")
    asked = Asked(page, {"text": "The cat sleeps.", "beam_size": 2, "edits": [ABLATION]})
    assert page.locator(".translated").inner_text() == asked.run["translation"]
    assert asked.run["baseline"]["translation"] in page.locator(".about").inner_text()
    kept = state_of(page)
    page.reload()
    settled(page)
    assert state_of(page) == kept
    assert chosen_head(page) == ("cross", "1", "2", "3")


def test_back_and_forward(page):
    open_page(page, view="compare")
    tab(page, "heads").click()
    page.locator(".examples button").nth(1).click()
    page.wait_for_function("() => location.hash.includes('black')")
    settled(page)
    page.go_back()
    page.wait_for_function(f"() => document.title.startsWith('{TEA}')")
    assert tab(page, "heads").get_attribute("aria-selected") == "true"
    page.go_back()
    page.wait_for_selector("[data-tab=compare][aria-selected=true]")
    page.go_forward()
    page.wait_for_selector("[data-tab=heads][aria-selected=true]")


def test_an_address_that_makes_no_sense_is_as_by_default(page):
    for nonsense in ("text", "edits=[", "layer=-1&beam=1.5", "part=nose&view=x", "=&&="):
        page.goto(f"/#{nonsense}")
        settled(page)
        assert page.locator("#sentence").input_value() == TEA
        assert tab(page, "walk").get_attribute("aria-selected") == "true"
        assert chosen_head(page)[:2] == ("cross", "0")


# Errors


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
    assert page.locator(".translated").inner_text() == shown
    page.unroute("**/api/run")
    alert.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".failure", state="hidden")
    settled(page)
    assert page.locator(".translated").inner_text() != shown
    console_errors.clear()


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
    page.locator("button.num").first.click()
    page.wait_for_selector(".where pre")
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        found = axe.Axe().run(page, context={"include": [[".top"], [".sentence-box"], [".beneath"],
            [".tabs"], [".picker"], [".where"]]})  # fmt: skip
        assert not found.response["violations"], found.generate_report()


# Where from?


def first_weight(page):
    open_page(page, view="heads", part="cross", layer=1, head=2, query=3)
    number = page.locator("button.num[data-path$='weights']").first
    number.click()
    page.wait_for_selector(".where pre")
    return number


def asked_about(page) -> tuple[str, list[int]]:
    text = page.locator(".where .subject .path").inner_text()
    path, index = re.fullmatch(r"(\S+?)\[(.*)\]", text).groups()
    return path, [int(place) for place in index.split(",")]


def exactly(page) -> float:
    text = page.locator(".where .subject .soft .number").first.inner_text()
    return float(text.replace("−", "-").replace("∞", "inf"))


def test_a_number_leads_back_to_the_embedding(page):
    """Each number on the way is the reference's, and its snippet runs and asserts it."""
    first_weight(page)
    asked = Asked(page, {"text": TEA})
    seen, way = [], page.locator(".where .trail li")
    for depth in range(60):
        path, index = asked_about(page)
        seen.append(path)
        expected = asked.array(path, [[place, place + 1] for place in index])[0].item()
        assert exactly(page) == expected
        if path.startswith("weights/"):
            break
        program = page.locator(".where pre").inner_text()
        exec(compile(program, path, "exec"), {"print": lambda _: None})
        assert repr(expected) in program
        if depth:
            assert way.count() == depth + 1
        # The first number of the first vector leads on, or else the first operand.
        folded = page.locator(".where .operands details")
        if folded.count() and folded.first.get_attribute("open") is None:
            folded.first.locator("summary").click()
        numbers = folded.first.locator(".num") if folded.count() else page.locator(".operands .num")
        numbers.first.click()
        page.wait_for_function(
            "depth => document.querySelectorAll('.where .trail li').length === depth"
            " && document.querySelector('.where-body').getAttribute('aria-busy') === 'false'",
            arg=depth + 2,
        )
    assert seen[:3] == [
        f"decoder.layers.1.cross_attention.{step}" for step in ("weights", "masked", "scaled")
    ]
    assert seen[-1] == "weights/embedding.weight"
    assert "training found it" in page.locator(".where-body").inner_text()
    way.nth(1).get_by_role("button").click()
    assert way.count() == 2
    assert asked_about(page)[0] == seen[1]


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_snippet_is_pythons_own(page, language):
    """The page writes the same program as clearhead.explorer.derivation_snippet."""
    first_weight(page)
    if language == "pt":
        page.get_by_role("button", name="Português").click()
    asked = Asked(page, {"text": TEA})
    path, index = asked_about(page)
    step = asked.steps[path]
    derivation = applicable(step["derivations"], index)
    operands = operand_values(derivation, index, asked.fetch)
    value = asked.fetch(path, tuple(index))
    heading = f"{path}[{', '.join(map(str, index))}]: {step['formula']}"
    expected = snippet(derivation, float(value), operands, heading=heading, language=language)
    assert page.locator(".where pre").inner_text().rstrip() == expected.rstrip()
    assert resolved({"axis": 1}, index, asked.fetch) == index[1]


def test_a_dot_product_is_laid_out_and_adds_up(page):
    first_weight(page)
    for _ in range(3):  # masked, scaled, scores
        page.locator(".where .operands .num").first.click()
        page.wait_for_function(
            "() => document.querySelector('.where-body').getAttribute('aria-busy') === 'false'"
        )
    assert asked_about(page)[0].endswith(".scores")
    page.locator(".where summary").first.click()
    rows = page.locator(".where .sheet tbody tr")
    cells = [
        [text.replace("−", "-") for text in row.locator("th, td").all_inner_texts()]
        for row in rows.all()
    ]
    numbers = np.array(cells, dtype=float)
    asked = Asked(page, {"text": TEA})
    path, index = asked_about(page)
    a, b = operand_values(
        applicable(asked.steps[path]["derivations"], index), index, asked.fetch
    ).values()
    assert np.allclose(numbers[:, 1], a, rtol=1e-3)
    assert np.allclose(numbers[:, 2], b, rtol=1e-3)
    assert np.allclose(numbers[:, 3], a * b, rtol=1e-3)
    assert np.allclose(numbers[:, 4], np.cumsum(a * b), rtol=2e-3, atol=1e-6)
    assert math.isclose(numbers[-1, 4], exactly(page), rel_tol=1e-3)


def test_escape_closes_the_panel_and_the_focus_returns(page):
    number = first_weight(page)
    assert page.get_by_role("dialog", name="Where from?").get_attribute("aria-modal") == "false"
    assert page.evaluate("document.activeElement.closest('.where') !== null")
    page.keyboard.press("Escape")
    assert page.locator(".where").count() == 0
    assert number.evaluate("one => one === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_selector(".where pre")


def test_the_panel_does_not_cover_what_it_explains(page):
    for width in (1366, 390):
        page.set_viewport_size({"width": width, "height": 800})
        number = first_weight(page)
        box, panel = number.bounding_box(), page.locator(".where").bounding_box()
        apart = (
            box["x"] + box["width"] <= panel["x"]
            or panel["x"] + panel["width"] <= box["x"]
            or box["y"] + box["height"] <= panel["y"]
        )
        assert apart, (width, box, panel)
        page.keyboard.press("Escape")


def test_copy_as_python(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    first_weight(page)
    page.get_by_role("button", name="Copy as Python").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.rstrip() == page.locator(".where pre").inner_text().rstrip()


# Export


def saved(page, item) -> tuple[str, bytes]:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_the_export_menu_goes_by_keyboard(page):
    open_page(page, view="heads")
    button = page.get_by_role("button", name="Export")
    button.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    assert items.nth(0).evaluate("one => one === document.activeElement")
    page.keyboard.press("ArrowDown")
    assert items.nth(1).evaluate("one => one === document.activeElement")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert items.last.evaluate("one => one === document.activeElement")
    page.keyboard.press("Escape")
    assert items.count() == 0
    assert button.evaluate("one => one === document.activeElement")


def test_what_is_shown_is_saved(page):
    open_page(page)
    for view in TABS:
        tab(page, view).click()
        page.wait_for_selector(f"[role=tabpanel][data-view={view}]")
        page.wait_for_load_state("networkidle")
        name, data = saved(page, "as SVG")
        assert name == f"clearhead-{view}.svg"
        assert ElementTree.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"
        name, data = saved(page, "as PNG")
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert min(struct.unpack(">II", data[16:24])) > 50
        name, data = saved(page, "as JSON")
        found = json.loads(data)
        assert (found["view"], found["state"]["text"]) == (view, TEA)
        assert found["shown"]


def test_the_address_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, view="heads", query=2)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="address").click()
    page.get_by_text("The address is in the clipboard.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_page_is_saved_as_one_file(page):
    open_page(page, view="heads", query=2)
    name, data = saved(page, "works offline")
    assert name == "clearhead.html"
    assert len(data) < 3_000_000
    assert b"clearhead-answers" in data
