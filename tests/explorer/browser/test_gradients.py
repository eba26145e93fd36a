"""The view of gradients: the reference's numbers, each of which leads back to the loss."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from .looking import (
    SHOWN,
    TEXT,
    address,
    eventually,
    explorer,
    exported_json,
    look,
    numbers,
    python_run,
    state_of,
)

pytestmark = pytest.mark.one_page

HEAD = {"part": "cross", "layer": 1, "head": 0, "query": 2, "key": 1}
PATH = "decoder.layers.1.cross_attention"


def arrays(*paths, position=None):
    params = {"run": python_run()["request"], "loss_position": position}
    items = [{"path": path} for path in paths]
    answer = explorer().answer("array", {**params, "items": items})
    return [answer.arrays[str(number)] for number in range(len(items))]


def column(shown, table, number):
    return numbers(shown.locator(f"{table} tbody td:nth-child({number}) .num"))


def lengths(position=None):
    gradients = arrays("encoder.d_embedding", "decoder.d_embedding", position=position)
    return [np.linalg.norm(one[0], axis=-1) for one in gradients]


def check_lengths(shown, position=None):
    for side, expected in zip(("source", "target"), lengths(position), strict=True):
        found = column(shown, f".gradients-lengths[data-side={side}]", 2)
        assert found == pytest.approx(expected, rel=SHOWN)


def opened(page, **state):
    shown = look(page, "gradients", **{**HEAD, **state})
    shown.locator(".gradients-part").first.wait_for()
    return shown


def test_the_numbers_are_the_reference_s(page):
    shown = opened(page)
    run = python_run()
    ids = [token["id"] for token in run["predicted"]]
    places = np.arange(len(ids))
    probabilities, losses, d_logits, loss = arrays("probabilities", "losses", "d_logits", "loss")
    table = ".gradients-losses"
    assert column(shown, table, 2) == pytest.approx(probabilities[0, places, ids], rel=SHOWN)
    assert column(shown, table, 3) == pytest.approx(losses[0], rel=SHOWN)
    assert column(shown, table, 4) == pytest.approx(d_logits[0, places, ids], rel=SHOWN)
    assert numbers(shown.locator(f"{table} tfoot .num")) == [pytest.approx(loss, rel=SHOWN)]
    check_lengths(shown)
    (d_weight,) = arrays(f"{PATH}.query.d_weight")
    part = d_weight[: len(d_weight) // 4]  # the first of four heads
    query = shown.locator(".gradients-part[data-matrix=query]")
    largest = np.sort(np.abs(part).ravel())[::-1][:3]
    assert np.abs(numbers(query.locator(".num"))) == pytest.approx(largest, rel=SHOWN)
    length = numbers(query.locator("dd.number"))
    assert length == [pytest.approx(np.linalg.norm(part), rel=SHOWN)]
    told = exported_json(page)
    assert {f"{PATH}.d_weights", "losses", "encoder.d_embedding"} <= {
        one["path"] for one in told["arrays"]
    }


def test_the_loss_of_one_token_is_felt_by_other_words(page):
    shown = opened(page)
    check_lengths(shown)
    shown.get_by_label("The loss of").select_option("1")
    eventually(page, lambda: check_lengths(shown, 1))
    assert state_of(page)["position"] == "1"
    # What the decoder reads later has no part in it.
    target = column(shown, ".gradients-lengths[data-side=target]", 2)
    assert target[:2] == pytest.approx(lengths(1)[1][:2], rel=SHOWN)
    assert set(target[2:]) == {0}


def test_a_cell_chosen_by_keyboard_has_its_row_below(page):
    shown = opened(page)
    cell = shown.locator("[data-matrix=d_masked] td[tabindex='0']")
    cell.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    eventually(page, lambda: _row_is(shown, 3))
    assert (state_of(page)["query"], state_of(page)["key"]) == ("3", "2")


def _row_is(shown, query):
    weights, d_weights, d_scores = arrays(
        f"{PATH}.weights", f"{PATH}.d_weights", f"{PATH}.d_masked"
    )
    rows = [one[0, 0, query] for one in (weights, d_weights, weights * d_weights, d_scores)]
    for number, row in enumerate(rows, 2):
        found = column(shown, ".gradients-jacobian", number)
        assert found == pytest.approx(row, rel=SHOWN, abs=1e-12)
    mean = numbers(shown.locator(".gradients-jacobian tfoot .num"))
    assert mean == [pytest.approx(rows[2].sum(), rel=SHOWN)]


def test_a_number_leads_back_to_the_loss_and_from_there_into_the_forward_pass(page):
    shown = opened(page, position=1)
    shown.locator(".gradients-part[data-matrix=value] .num").first.click()
    paths = [asked_about(page)]
    while paths[-1] != "d_logits":
        run_program(page)
        folds = page.locator(".where .operands details")
        for fold in (folds.nth(number) for number in range(folds.count())):
            if fold.get_attribute("open") is None:
                fold.locator("summary").click()
        eventually(page, lambda: gradients_among_operands(page))
        gradients_among_operands(page)[0].click()
        eventually(page, lambda: _another_is_asked_about(page, paths[-1]))
        paths.append(asked_about(page))
    assert paths[:2] == [f"{PATH}.value.d_weight", f"{PATH}.d_value"]
    assert paths[-3:] == ["decoder.d_output", "output.d_input", "d_logits"]
    for path in ("probabilities", "logits"):
        run_program(page)
        for fold in page.locator(".where details:not([open])").all()[:1]:
            fold.locator("summary").click()
        page.locator(f".where .operands .num[data-path={path}]").first.click()
        eventually(page, lambda path=path: _is_asked_about(page, path))


def gradients_among_operands(page):
    gradient = re.compile(r"^(.*\.)?d_\w+$")
    operands = page.locator(".where .operands .num")
    names = operands.evaluate_all("all => all.map(one => one.dataset.path)")
    found = [operands.nth(n) for n, name in enumerate(names) if gradient.match(name)]
    assert found, names
    return found


def _another_is_asked_about(page, path):
    assert asked_about(page) != path


def _is_asked_about(page, path):
    assert asked_about(page) == path


def asked_about(page):
    page.wait_for_selector(".where-body[aria-busy=false]")
    return page.locator(".where .subject .path").inner_text().partition("[")[0]


def run_program(page):
    program = page.locator(".where pre").inner_text()
    assert len(program) < 40_000
    exec(program, {"print": lambda _: None})


def test_what_has_no_gradients_says_so(page):
    edit = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}
    page.goto(address("gradients", edits=[edit]))
    expect(page.locator("#view .warning")).to_contain_text("Undo the edits to see gradients")


@pytest.mark.parametrize(
    ("scheme", "width", "language"), [("light", 1280, "en"), ("dark", 390, "pt")]
)
def test_axe_finds_nothing_on_any_screen(browser, server, scheme, width, language):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with browser.new_context(
        base_url=server, viewport={"width": width, "height": 844}, color_scheme=scheme
    ) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        shown = opened(page, language=language)
        title = {"en": "Which word the loss feels most", "pt": "Qual palavra a perda mais sente"}
        expect(shown.get_by_role("heading", name=title[language])).to_be_visible()
        found = axe.Axe().run(page, context="#view")
        assert not found.response["violations"], found.generate_report()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert TEXT in page.locator("textarea").first.input_value()
