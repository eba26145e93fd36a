"""Training watched: the slider over a run's checkpoints."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from clearhead.explorer import explorer_of
from clearhead.explorer.offline.page import offline_html
from tests.explorer.browser.shell import chosen_head, settled, state_of
from tests.explorer.runs import write_run
from tests.explorer.served import served

TEXT = "The cat"
STATE = {"text": TEXT, "view": "what_if", "language": "en", "part": "cross", "layer": "1"}
STATE |= {"head": "2", "target": "Le chat"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "tiny")


def asked_checkpoints(page) -> list[int]:
    """Gather the checkpoints of the runs that the page asks for from now on."""
    steps: list[int] = []

    def note(request) -> None:
        if request.url.endswith("/api/run"):
            steps.append(json.loads(request.post_data)["checkpoint"])

    page.on("request", note)
    return steps


@pytest.fixture(scope="module")
def address(folder):
    """Of the run's page; the server outlives what the page still asks at the end of a test."""
    with served("--model", str(folder)) as running:
        yield running.base


def test_the_slider_moves_through_the_training(page, address):
    steps = asked_checkpoints(page)
    page.goto(f"{address}/#{urlencode(STATE)}")
    settled(page)
    slider, output = page.locator("#checkpoint"), page.locator(".training output")
    expect(output).to_have_text("step 8, development loss 3.500")
    head = chosen_head(page)
    slider.focus()
    page.keyboard.press("Home")
    expect(output).to_have_text("step 0, development loss 6.250")
    page.wait_for_function("() => location.hash.includes('checkpoint=0')")
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(output).to_have_text("step 4")
    page.wait_for_function("() => location.hash.includes('checkpoint=4')")
    settled(page)
    assert slider.get_attribute("aria-valuetext") == "step 4"
    assert steps == [8, 0, 4]
    assert chosen_head(page) == head
    assert state_of(page)["text"] == TEXT
    page.locator("button[lang=pt]").click()
    expect(output).to_have_text("passo 4")


def test_a_saved_page_has_its_checkpoint_and_no_slider(page, folder, tmp_path):
    file = tmp_path / "page.html"
    state = f"#{urlencode({**STATE, 'checkpoint': '0'})}"
    request = {"text": TEXT, "target": "Le chat", "checkpoint": 0}
    html = offline_html(explorer_of(folder), request, view_state=state, effect_seconds=0)
    file.write_text(html, encoding="utf-8")
    page.goto(file.as_uri())
    settled(page)
    expect(page.locator(".training .number")).to_have_text("step 0, development loss 6.250")
    assert page.locator("#checkpoint").count() == 0
