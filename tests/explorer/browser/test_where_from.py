"""Every number says where it comes from, in a real browser."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from clearhead.explorer.derivations.snippet import applicable, operand_values, resolve, snippet
from tests.explorer.browser.shell import (
    FIRST,
    Asked,
    map_head,
    open_page,
    settled,
    state_of,
    tab,
)
from tests.explorer.word_tables import labels

pytestmark = pytest.mark.one_page


def first_weight(page):
    open_page(page, view="heads", part="cross", layer=1, head=2, query=3)
    number = page.locator("#view button.num[data-path$='weights']").first
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
    asked = Asked(page, {"text": FIRST})
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
    assert "it was learned in training" in page.locator(".where-body").inner_text()
    way.nth(1).get_by_role("button").click()
    assert way.count() == 2
    assert asked_about(page)[0] == seen[1]


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_snippet_is_pythons_own(page, language):
    """The page writes the same program as clearhead.explorer.derivations.snippet."""
    first_weight(page)
    if language == "pt":
        page.get_by_role("button", name="Português").click()
    asked = Asked(page, {"text": FIRST})
    path, index = asked_about(page)
    step = asked.steps[path]
    derivation = applicable(step["derivations"], index)
    operands = operand_values(derivation, index, asked.fetch)
    value = asked.fetch(path, tuple(index))
    heading = f"{path}[{', '.join(map(str, index))}]: {step['formula']}"
    texts = labels(language)
    expected = snippet(derivation, float(value), operands, labels=texts, heading=heading)
    assert page.locator(".where pre").inner_text().rstrip() == expected.rstrip()
    assert resolve({"axis": 1}, index, asked.fetch) == index[1]


def test_a_probability_names_the_likeliest_tokens_and_has_a_short_program(page):
    open_page(page, view="walk", step="words")
    page.locator("button.num[data-path$='probabilities']").first.click()
    page.wait_for_selector(".where pre")
    asked = Asked(page, {"text": FIRST})
    path, index = asked_about(page)
    derivation = applicable(asked.steps[path]["derivations"], index)
    operands = operand_values(derivation, index, asked.fetch)
    heading = f"{path}[{', '.join(map(str, index))}]: {asked.steps[path]['formula']}"
    value = float(asked.fetch(path, tuple(index)))
    expected = snippet(derivation, value, operands, labels=labels("en"), heading=heading)
    program = page.locator(".where pre").inner_text()
    assert program.rstrip() == expected.rstrip()
    assert len(program) < 3000
    exec(compile(program, path, "exec"), {"print": lambda _: None})
    page.locator(".where summary").first.click()
    names = page.locator(".where .sheet tbody th")
    page.wait_for_selector(".where .sheet .row-token")
    order = np.argsort(-operands["z"], kind="stable")[:3].tolist()
    pieces = [
        token["piece"] for token in asked.json("words", {"query": "", "ids": order})["tokens"]
    ]
    assert names.all_inner_texts()[:3] == [
        f"{token} {piece}" for token, piece in zip(order, pieces, strict=True)
    ]


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
    rows.nth(63).wait_for()  # one for each of the head's 64 products
    cells = [
        [text.replace("−", "-") for text in row.locator("th, td").all_inner_texts()]
        for row in rows.all()
    ]
    numbers = np.array(cells, dtype=float)
    asked = Asked(page, {"text": FIRST})
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


def opened_in_history(page):
    """A view, another one, and there the panel, as the browser's history has them."""
    open_page(page, view="what_if", part="cross", layer=1, head=2, query=3)
    tab(page, "heads").click()
    page.locator("#view button.num[data-path$='weights']").first.click()
    page.wait_for_selector(".where pre")


def test_back_closes_the_panel_and_forward_opens_it_again(page):
    opened_in_history(page)
    asked, address = asked_about(page), page.url
    page.go_back()
    page.wait_for_selector(".where", state="detached")
    assert page.url == address
    assert page.locator("#view").get_attribute("data-view") == "heads"
    focused = "document.activeElement.matches(\"button.num[data-path$='weights']\")"
    assert page.evaluate(focused)
    page.go_forward()
    page.wait_for_selector(".where pre")
    assert asked_about(page) == asked
    # The way within the panel is the panel's own: Back closes all of it.
    page.locator(".where .operands .num").first.click()
    page.locator(".where .trail li").nth(1).wait_for()
    page.go_back()
    page.wait_for_selector(".where", state="detached")
    page.go_back()
    page.wait_for_selector("#view[data-view=what_if]")
    assert page.locator(".where").count() == 0


@pytest.mark.parametrize("way", ["Escape", "button"])
def test_a_panel_that_was_closed_by_hand_is_no_step_back(page, way):
    opened_in_history(page)
    for _ in range(2):  # and opened anew
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            page.locator(".where .close").click()
        assert page.locator(".where").count() == 0
        page.keyboard.press("Enter")
        page.wait_for_selector(".where pre")
    page.keyboard.press("Escape")
    page.go_back()
    page.wait_for_selector("#view[data-view=what_if]")
    page.go_forward()
    page.wait_for_selector("#view[data-view=heads]")
    assert page.locator(".where").count() == 0


@pytest.mark.parametrize("how", ["view", "sentence", "address"])
def test_the_panel_does_not_outlive_its_view(page, how):
    opened_in_history(page)
    if how == "view":
        tab(page, "compare").click()
    elif how == "sentence":
        page.locator("#sentence").fill("The dog is old.")
        page.locator("#sentence").press("Enter")
    else:
        page.evaluate("() => { location.hash = location.hash.replace('heads', 'compare'); }")
    page.wait_for_selector(".where", state="detached")
    settled(page)
    if how == "sentence":
        page.wait_for_function("() => document.title.startsWith('The dog')")
    # One step back leads to the view where the panel was, without it.
    page.go_back()
    page.wait_for_selector("#view[data-view=heads]")
    page.wait_for_function(f"() => document.title.startsWith({FIRST!r})")
    settled(page)
    if how == "address":  # written by hand, it left the entry where the panel was open as it is
        page.wait_for_selector(".where pre")
        page.go_back()
        page.wait_for_selector(".where", state="detached")
    assert page.locator(".where").count() == 0
    page.go_back()
    page.wait_for_selector("#view[data-view=what_if]")


def test_the_panel_stays_while_another_head_is_chosen(page):
    opened_in_history(page)
    asked = asked_about(page)
    here = page.locator(".map-head[aria-pressed=true]")
    map_head(page, here.get_attribute("data-part"), here.get_attribute("data-layer"), 1).click()
    page.wait_for_function("() => location.hash.includes('head=1')")
    assert asked_about(page) == asked
    page.go_back()
    page.wait_for_function("() => location.hash.includes('head=2')")
    assert asked_about(page) == asked
    page.go_back()
    page.wait_for_selector(".where", state="detached")
    assert "head=2" in page.url


def test_closing_the_panel_takes_nothing_else_back(page):
    opened_in_history(page)
    page.locator(".map").get_by_role("button", name="Previous query").click()
    page.get_by_label("Theme").select_option("dark")
    page.wait_for_function("() => location.hash.includes('theme=dark')")
    page.go_back()
    page.wait_for_selector(".where", state="detached")
    assert page.locator(".page").get_attribute("data-theme") == "dark"
    assert {"query": "2", "theme": "dark", "view": "heads"}.items() <= state_of(page).items()
    page.go_forward()
    page.wait_for_selector(".where pre")
    assert {"query": "2", "theme": "dark", "view": "heads"}.items() <= state_of(page).items()


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
