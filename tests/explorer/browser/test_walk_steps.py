"""The walk one step at a time: turning, scrubbing, addresses, motion, and what vectors mean."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np
import pytest

from tests.explorer.browser.shell import state_of
from tests.explorer.browser.test_walk_numbers import python
from tests.explorer.browser.walk_page import (
    ask,
    decoder_input,
    en_fr,
    number,
    numbers,
    opened,
    settled,
    traced,
)

HEAD = {"panels": "one", "part": "cross", "layer": 1, "head": 1, "query": 2, "key": 1}
PATH = "decoder.layers.1.cross_attention"
MOST_ELEMENTS = 1_300  # of a step; all of them together are about 5,000


@pytest.fixture
def still(browser, server):
    """A page of someone who wants nothing to move."""
    context = browser.new_context(
        base_url=server,
        locale="en-GB",
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 800},
    )
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def step_of(page):
    (panel,) = page.locator(".walk-panel").all()
    return panel.get_attribute("data-step")


def at(page, step):
    page.locator(f"#walk-{step}").wait_for()
    settled(page)
    assert step_of(page) == step


def slider(page):
    return page.get_by_role("slider", name="How far the step has come")


def scrub(page, moment):
    slider(page).fill(str(moment))


def products(page):
    """Products of the chosen query and key, by the reference."""
    trace = traced(decoder_input(page))
    query = trace[f"{PATH}.query"].value[0, 1, 2]
    return query * trace[f"{PATH}.key"].value[0, 1, 1]


def test_buttons_keys_and_the_list_turn_one_step_at_a_time(page):
    opened(page, **HEAD)
    assert step_of(page) == "text"
    back, forth = (page.get_by_role("button", name=name) for name in ("← Back", "Next →"))
    assert back.is_disabled()
    forth.click()
    at(page, "tokens")
    assert page.evaluate("document.activeElement.className").startswith("stage-next")
    assert state_of(page)["step"] == "tokens"
    page.evaluate("document.activeElement.blur()")
    for key, step in [
        ("Space", "embedding"), ("ArrowRight", "position"), ("ArrowLeft", "embedding"),
        ("Shift+Space", "tokens"),
    ]:  # fmt: skip
        page.keyboard.press(key)
        at(page, step)
        assert page.evaluate("document.activeElement.id") == f"walk-{step}-title"
    page.locator(".stage-place").select_option(index=19)
    at(page, "words")
    assert forth.is_disabled()
    page.locator(".walk-contents a", has_text="Softmax").click()
    at(page, "softmax")
    page.go_back()
    at(page, "words")
    # Where keys have a meaning of their own, they keep it.
    page.locator("#query").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("#walk-words .num").first.focus()
    page.keyboard.press("ArrowRight")
    assert step_of(page) == "words"


def test_a_step_draws_itself_alone_and_all_are_one_press_away(page):
    opened(page, **HEAD)
    for place in range(20):
        page.locator(".stage-place").select_option(index=place)
        page.wait_for_function("place => document.querySelector('.walk-panel h2')"
                               ".textContent.startsWith(String(place + 1))", arg=place)  # fmt: skip
        settled(page)
        assert page.locator(".walk *").count() < MOST_ELEMENTS, step_of(page)
    page.get_by_role("button", name="Show all steps").click()
    page.locator(".walk-panel").nth(19).wait_for()
    assert state_of(page)["panels"] == "all"
    assert page.locator(".stage").count() == 0


def test_the_numbers_of_a_score_light_up_in_their_order(page):
    opened(page, step="score", moment=12, **HEAD)
    expected = products(page)
    lit = page.locator("#walk-score td.lit .num")
    assert [number(title) for title in lit.evaluate_all("all => all.map(one => one.title)")][
        2:
    ] == pytest.approx([expected[11], expected[:12].sum()], rel=1e-12)
    assert page.locator("#walk-score .walk-total button").count() == 0
    caption = page.locator(".flow-caption")
    assert (
        f"(component 11); the sum so far is {expected[:12].sum():.2f}"
        in caption.inner_text().replace("−", "-")
    )
    assert page.locator(".flow-product:not(.ahead)").count() == 12
    scrub(page, 13)
    assert state_of(page)["moment"] == "13"
    assert page.locator("td.lit .num").nth(2).get_attribute("data-index").endswith(",12")
    page.reload()
    settled(page)
    assert "(component 12)" in caption.inner_text()
    scrub(page, 64)
    assert "moment" not in state_of(page)  # where a step is finished, the address is the short one
    total = page.locator("#walk-score .walk-total button")
    assert number(total.get_attribute("title")) == pytest.approx(expected.sum(), rel=1e-12)
    assert page.locator("td.lit").count() == 0
    page.get_by_text("All 64 components").click()
    page.locator("#walk-score .walk-more .walk-block").nth(3).wait_for()  # drawn once it is open


def test_scores_become_weights_by_exp_and_sum(page):
    opened(page, step="softmax", moment=0, **HEAD)
    masked = traced(decoder_input(page))[f"{PATH}.masked"].value[0, 1, 2]
    exps = np.exp(masked - masked.max())
    for moment, values in enumerate([masked, masked - masked.max(), exps, exps, exps / exps.sum()]):
        scrub(page, moment)
        shown = [one.value for one in numbers(page, ".flow-bars li")]
        assert shown == pytest.approx(list(values), rel=1e-12, abs=1e-15)
        stack = [one.value for one in numbers(page, ".flow-stack")]
        sums = {3: [exps.sum()], 4: [1]}.get(moment, [])
        assert stack == pytest.approx(sums)
    widths = page.locator(".flow-fill").evaluate_all("all => all.map(one => one.style.width)")
    assert [float(width[:-1]) / 100 for width in widths] == pytest.approx(
        list(exps / exps.sum()), abs=1e-4
    )


def test_weights_mix_values_into_the_output(page):
    opened(page, step="contributions", moment=3, **HEAD)
    parts = traced(decoder_input(page))[f"{PATH}.contributions"].value[0, 1, 2]
    shown = page.locator(".walk-summed > .walk-vectors").last.locator(".num")
    assert number(shown.get_attribute("title")) == pytest.approx(parts[:3, 0].sum(), rel=1e-12)
    panel = ask(page, shown)
    ran = python(panel.locator("pre").inner_text())
    assert float(ran.stdout) == pytest.approx(parts[:3, 0].sum(), rel=1e-9)
    page.keyboard.press("Escape")
    scrub(page, len(parts))
    assert number(shown.get_attribute("title")) == pytest.approx(parts[:, 0].sum(), rel=1e-12)
    assert page.locator(".walk-vectors-ahead").count() == 0


def test_a_step_plays_itself_and_can_be_stopped(page):
    opened(page, step="scores", **HEAD)
    moment = page.locator(".stage-moment")
    assert moment.inner_text() == "10/10"
    page.get_by_role("button", name="Play this step").click()
    page.wait_for_function(
        "() => /^[2-5]/.test(document.querySelector('.stage-moment').textContent)"
    )
    page.get_by_role("button", name="Pause").click()
    stopped = moment.inner_text()
    assert state_of(page)["moment"] == stopped.partition("/")[0]
    page.wait_for_timeout(900)
    assert moment.inner_text() == stopped
    # What is turned to begins by itself, and ends finished.
    page.get_by_role("button", name="Next →").click()
    assert moment.inner_text() == "0/1"
    page.wait_for_function("() => document.querySelector('.stage-moment').textContent === '1/1'")
    assert "moment" not in state_of(page)


def test_nothing_moves_for_those_who_want_that(still):
    opened(still, step="vectors", **HEAD)
    still.get_by_role("button", name="Next →").click()
    at(still, "score")
    assert still.locator(".stage-moment").inner_text() == "64/64"
    still.wait_for_timeout(500)
    assert still.locator(".stage-moment").inner_text() == "64/64"
    scrub(still, 7)
    assert "(component 6)" in still.locator(".flow-caption").inner_text()
    still.locator(".stage-place").select_option(index=9)
    at(still, "scaled")
    fill = still.locator(".flow-fill").first
    assert fill.evaluate("one => getComputedStyle(one).transitionDuration").startswith("0s")


def test_two_arrows_have_the_lengths_and_the_angle_of_their_vectors(page):
    opened(page, step="score", **HEAD)
    trace = traced(decoder_input(page))
    query, key = trace[f"{PATH}.query"].value[0, 1, 2], trace[f"{PATH}.key"].value[0, 1, 1]
    lengths = np.linalg.norm(query), np.linalg.norm(key)
    cosine = query @ key / np.prod(lengths)
    angle = np.degrees(np.arccos(cosine))
    shown = [one.value for one in numbers(page, ".meaning-facts")]
    assert shown == pytest.approx([*lengths, angle, cosine, query @ key], rel=1e-12)
    # They are drawn so: their lines' heads, from the origin that both share.
    lines = [
        page.locator(f".meaning-arrow.{kind} polygon").get_attribute("points").split()[0]
        for kind in ("query", "key")
    ]
    origin = page.locator(".meaning-arrow.query line").evaluate(
        "line => [line.x1.baseVal.value, line.y1.baseVal.value]"
    )
    one, other = (np.array([float(v) for v in tip.split(",")]) - origin for tip in lines)
    drawn = np.linalg.norm(one), np.linalg.norm(other)
    assert drawn[1] / drawn[0] == pytest.approx(lengths[1] / lengths[0], rel=1e-3)
    assert one @ other / np.prod(drawn) == pytest.approx(cosine, abs=1e-3)
    assert page.locator(".meaning-arrow.other").count() == 9
    angle_shown = page.locator(".meaning-facts .num").nth(2)
    ran = python(ask(page, angle_shown).locator("pre").inner_text())
    assert float(ran.stdout) == pytest.approx(angle, rel=1e-9)


def test_an_embedding_names_its_nearest_tokens(page):
    opened(page, step="embedding", **HEAD)
    page.locator(".meaning .flow-bars li").nth(7).wait_for()
    token = decoder_input(page)[2]
    checkpoint, reference = en_fr()
    table = f"{checkpoint.config.embedding_name('target')}.weight"
    rows = reference.weights[table] / np.linalg.norm(
        reference.weights[table], axis=1, keepdims=True
    )
    cosines = rows @ rows[token]
    best = [one for one in np.argsort(-cosines) if one != token][:8]
    names = page.locator(".meaning .flow-name").all_inner_texts()
    assert names == checkpoint.tokenizer.pieces([int(one) for one in best])
    shown = page.locator(".meaning .num")
    assert number(shown.first.get_attribute("title")) == pytest.approx(cosines[best[0]])
    ran = python(ask(page, shown.first).locator("pre").inner_text())
    assert float(ran.stdout) == pytest.approx(cosines[best[0]])


def test_a_finger_turns_and_nothing_runs_over_a_phone(browser, server):
    context = browser.new_context(
        base_url=server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    opened(page, step="scores", **HEAD)

    def swipe(by, down=0):
        page.locator(".walk-sentence").first.evaluate(
            """(element, [by, down]) => {
                const touch = (x, y) =>
                    new Touch({ identifier: 1, target: element, clientX: x, clientY: y });
                const tell = (type, where) => element.dispatchEvent(new TouchEvent(type, {
                    bubbles: true, changedTouches: [where],
                    touches: type === "touchend" ? [] : [where],
                }));
                tell("touchstart", touch(200, 300));
                tell("touchend", touch(200 + by, 300 + down));
            }""",
            [by, down],
        )

    swipe(-120)
    at(page, "scaled")
    swipe(120)
    at(page, "scores")
    swipe(-120, 200)  # that was scrolling
    assert step_of(page) == "scores"
    for step in ("embedding", "score", "scores", "softmax", "contributions"):
        page.evaluate(
            "step => { location.hash = location.hash.replace(/step=\\w+/, 'step=' + step) }", step
        )
        at(page, step)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, step
        bar = page.locator(".stage-bar").bounding_box()
        assert bar["y"] + bar["height"] <= 844 + 1
        assert page.locator(".walk-contents").is_hidden()
    context.close()


@pytest.mark.parametrize(("scheme", "screen"), [("light", "desk"), ("dark", "projector")])
def test_axe_finds_nothing(browser, server, scheme, screen):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(
        base_url=server, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    for step in ("embedding", "score", "softmax", "contributions"):
        opened(page, step=step, moment=3, screen=screen, **HEAD)
        found = axe.Axe().run(page, context={"include": [[".walk"], [".top"]]})
        assert not found.response["violations"], (step, found.generate_report())
    context.close()


def test_a_projector_has_larger_type_and_it_is_in_the_address(page):
    opened(page, step="softmax", **HEAD)
    size = "one => parseFloat(getComputedStyle(one).fontSize)"
    sentence = page.locator(".walk-sentence")
    before = sentence.evaluate(size)
    switch = page.get_by_role("button", name="Projector")
    switch.click()
    assert state_of(page)["screen"] == "projector"
    assert sentence.evaluate(size) > 1.3 * before
    # A drawing is enlarged as a whole, its words with it.
    sizes = page.locator(".page *").evaluate_all(
        """all => [...new Set(all.filter(one => [...one.childNodes].some(
            node => node.nodeType === 3 && node.data.trim())).map(one => {
                const svg = one.closest("svg");
                const scale = svg ? svg.clientWidth / svg.viewBox.baseVal.width : 1;
                return Math.round(parseFloat(getComputedStyle(one).fontSize) * scale);
            }))]"""
    )
    assert len(sizes) <= 5
    assert min(sizes) >= 18
    switch.click()
    assert "screen" not in state_of(page)


def test_the_steps_are_turned_in_portuguese_too(page):
    opened(page, step="softmax", moment=2, **{**HEAD, "language": "pt"})
    page.get_by_role("button", name="Avançar →").wait_for()
    assert "exp torna todas positivas" in page.locator(".flow-caption").inner_text()
    assert page.get_by_role("button", name="Projetor").is_visible()
    assert urlencode({"moment": 2}) in page.url
