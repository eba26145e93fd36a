"""The map of the model: it says where one is, its boxes lead elsewhere, its signs are measured."""

from __future__ import annotations

import re

import pytest

from tests.explorer.browser.looking import explorer
from tests.explorer.browser.shell import chosen_head, map_head, open_page, state_of

TEXT = "The black cat sleeps."
PARTS = ("encoder", "decoder", "cross")


def kinds_on_the_page(page, part: str) -> list[list[str]]:
    signs = page.locator(f".map-head[data-part='{part}']").evaluate_all(
        """all => all.map(one =>
            [one.dataset.layer, one.querySelector('.map-sign').dataset.kind])"""
    )
    layers: dict[str, list[str]] = {}
    for layer, kind in signs:
        layers.setdefault(layer, []).append(kind)
    return list(layers.values())


def here(page) -> str:
    return page.locator(".map-here strong").inner_text()


def test_the_sign_of_every_head_is_what_was_measured(page):
    open_page(page, text=TEXT)
    page.wait_for_function(
        "() => !document.querySelector('.map-head .map-sign[data-kind=unknown]')"
    )
    for part in PARTS:
        question = {"run": {"text": TEXT}, "part": part}
        measured = explorer().answer("head_kinds", question).json["layers"]
        assert kinds_on_the_page(page, part) == [[h["kind"] for h in layer] for layer in measured]
        head = map_head(page, part, 1, 2)
        kind, measures = measured[1][2]["kind"], measured[1][2]["measures"]
        name = {"broad": "even"}.get(kind, kind)
        share = f", {100 * measures[name]:.0f}\u00a0%" if name in measures else ""
        assert (head.get_attribute("aria-label") or "").endswith(share)
        head.hover()
        said = page.locator(".map-readout").inner_text()
        assert all(f"{100 * share:.0f}\u00a0%" in said for share in measures.values())


def test_boxes_lead_to_what_they_name_and_the_map_says_so(page):
    open_page(page, text=TEXT, part="cross", layer=1, head=1)
    assert here(page) == "Decoder, layer 1, cross-attention, head 1"
    map_head(page, "encoder", 3, 2).click()
    assert here(page) == "Encoder, layer 3, self-attention, head 2"
    assert state_of(page)["view"] == "what_if"  # the view stays
    for label, step, part, words in (
        ("Encoder, embedding", "embedding", "encoder", "Encoder, embedding"),
        ("Encoder, layer 4, feed-forward", "feed", "encoder", "Encoder, layer 4, feed-forward"),
        ("Decoder, layer 0, feed-forward", "feed", "cross", "Decoder, layer 0, feed-forward"),
        ("Decoder, logits", "logits", "cross", "Decoder, logits"),
    ):
        page.get_by_role("button", name=label).click()
        page.wait_for_selector(f"[data-view=walk] [data-step={step}]")
        assert state_of(page)["step"] == step
        assert state_of(page).get("part", "cross") == part
        assert here(page) == words
        assert page.locator(".map [aria-current]").get_attribute("data-step") == step
    # And back to a head, in the walk: its first panel about attention.
    map_head(page, "decoder", 1, 0).click()
    assert here(page) == "Decoder, layer 1, self-attention, head 0"
    assert chosen_head(page)[:3] == ("decoder", "1", "0")


def test_the_map_goes_by_keyboard_alone(page):
    open_page(page, text=TEXT, part="encoder", layer=0, head=0)
    assert page.locator(".map-stacks [data-box][tabindex='0']").count() == 1
    map_head(page, "encoder", 0, 0).focus()
    focused = "() => { const { part, layer, head, step } = document.activeElement.dataset;" \
              " return [part, layer, head, step].filter(Boolean).join(' '); }"  # fmt: skip
    for key, place in [
        ("ArrowRight", "encoder 0 1"), ("ArrowDown", "feed"), ("ArrowDown", r"decoder 0 \d"),
        ("Home", "embedding"), ("End", "logits"),
    ]:  # fmt: skip
        page.keyboard.press(key)
        assert re.fullmatch(place, page.evaluate(focused)), key
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-view=walk] [data-step=logits]")
    assert (
        page.locator(".map-stacks [data-box][tabindex='0']").get_attribute("data-step") == "logits"
    )


def test_the_map_scrolls_away_but_for_its_last_line_and_comes_back(page):
    open_page(page, text=TEXT, view="walk", panels="all")
    page.locator(".walk-panels").wait_for()
    toggle = page.locator(".map-toggle")
    assert not toggle.is_visible()
    page.locator("#walk-softmax").scroll_into_view_if_needed()
    toggle.wait_for(state="visible")
    strip = page.locator(".map-strip").bounding_box()
    assert abs(strip["y"]) < 2
    assert page.locator(".page").evaluate(
        "one => Math.abs(parseFloat(one.style.getPropertyValue('--shell-top')))"
    ) == pytest.approx(strip["height"], abs=2)
    toggle.click()
    assert toggle.get_attribute("aria-expanded") == "true"
    assert page.locator(".map-body").bounding_box()["y"] >= -1
    map_head(page, "encoder", 2, 1).click()
    toggle.press("Escape")  # the focus went on to the step of the walk
    assert toggle.get_attribute("aria-expanded") == "false"
    # The keyboard shows what it reaches.
    map_head(page, "encoder", 2, 1).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".map-head:focus").bounding_box()["y"] >= 0


def test_on_a_phone_a_line_unfolds_the_map(page):
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, text=TEXT, view="heads", part="encoder", layer=3, head=3)
    assert not page.locator(".map-body").is_visible()
    assert here(page) == "Encoder, layer 3, self-attention, head 3"
    assert page.locator(".map-strip").bounding_box()["height"] < 130
    page.locator(".map-toggle").click()
    body = page.locator(".map-body")
    body.wait_for(state="visible")
    box = body.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 844
    map_head(page, "cross", 1, 1).click()
    assert here(page) == "Decoder, layer 1, cross-attention, head 1"
    page.keyboard.press("Escape")
    assert not body.is_visible()
    assert page.locator(".map-toggle").evaluate("one => one === document.activeElement")
    page.wait_for_function("() => document.documentElement.scrollWidth <= 390")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_map_is_accessible(page, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.set_viewport_size({"width": width, "height": 844})
    open_page(page, text=TEXT, view="heads")
    if width == 390:
        page.locator(".map-toggle").click()
    page.locator(".map-signs summary").click()
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        found = axe.Axe().run(page, context={"include": [[".map"]]})
        assert not found.response["violations"], found.generate_report()


def test_the_map_speaks_portuguese(page):
    open_page(page, text=TEXT, part="cross", layer=1, language="pt")
    assert here(page) == "Decodificador, camada 1, atenção cruzada, cabeça 0"
    assert "token anterior" in page.locator(".map-signs summary").inner_text()
