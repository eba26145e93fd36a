"""Weight, contribution, effect: three numbers of each link, Python's, side by side."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .looking import (
    SHOWN,
    eventually,
    explorer,
    exported,
    exported_json,
    exported_svg,
    look,
    number,
    numbers,
    of_class,
    python_run,
    state_of,
)

HEAD = {"part": "cross", "layer": 1, "head": 0, "query": 2}
COLUMNS = ("weight", "contribution", "effect")


def effects(run=None, **more):
    params = {"run": (run or python_run())["request"], **(HEAD | more)}
    return explorer().answer("effects", params).json


def column(shown, name):
    found = shown.locator(f".links [data-cell={name}]")
    return numbers(found.locator(".num, .number"))


def check(shown, expected, order=None):
    """The table shows these effects, in this order of their rows."""
    order = list(range(len(expected["keys"]))) if order is None else order
    rows = shown.locator(".links tbody tr")
    expect(rows).to_have_count(len(order))
    keys = [str(expected["keys"][row]) for row in order]
    expect(rows.locator("th small")).to_have_text(keys)
    values = {name: [expected[name][row] for row in order] for name in COLUMNS}
    eventually(shown.page, lambda: check_columns(shown, values))


def check_columns(shown, values):
    for name in COLUMNS:
        assert column(shown, name) == pytest.approx(values[name], rel=SHOWN, abs=1e-9)


def test_the_three_columns_are_pythons(page):
    shown = look(page, "compare", **HEAD)
    expected = effects()
    check(shown, expected)
    told = exported_json(page)
    for name in COLUMNS:
        assert told[name] == pytest.approx(expected[name], rel=1e-6, abs=1e-12)
    expect(shown.get_by_text(f"All {expected['of']} keys.")).to_be_visible()


def test_each_scale_is_stated_and_bars_follow_it(page):
    shown = look(page, "compare", **HEAD)
    expected = effects()
    check(shown, expected)
    heads = shown.locator(".links thead small")
    expect(heads.nth(0)).to_have_text("0 to 1")
    carried, felt = max(expected["contribution"]), max(map(abs, expected["effect"]))
    assert number(heads.nth(1).inner_text().split()[-1]) == pytest.approx(carried, rel=5e-3)
    assert number(heads.nth(2).inner_text().split()[-1]) == pytest.approx(felt, rel=5e-3)
    for name, scale, whole in (("weight", 1, 1), ("contribution", carried, 1), ("effect", felt, 2)):
        shares = shown.locator(f".links [data-cell={name}] .bar").evaluate_all(
            """bars => bars.map(bar => bar.firstChild.getBoundingClientRect().width
                / bar.clientWidth)"""
        )
        expected_shares = [abs(value) / scale / whole for value in expected[name]]
        assert shares == pytest.approx(expected_shares, abs=0.01)
    # Around 0: what makes the translation less likely goes to the left.
    for row, value in enumerate(expected["effect"]):
        fill = shown.locator(".links [data-cell=effect] .bar-fill").nth(row)
        assert ("bar-negative" in fill.get_attribute("class")) == (value < 0)


def test_the_effect_on_one_word(page):
    shown = look(page, "compare", **HEAD | {"layer": 0})
    expected = effects(layer=0, position=4)
    assert expected["effect"] != effects(layer=0)["effect"]
    shown.get_by_label("Effect on").select_option("4")
    check(shown, expected)
    assert state_of(page)["position"] == "4"
    shown.get_by_label("Effect on").select_option("whole")
    check(shown, effects(layer=0))
    assert "position" not in state_of(page)


def test_rows_are_sorted_as_asked(page):
    shown = look(page, "compare", **HEAD)
    expected = effects()
    rows = range(len(expected["keys"]))
    orders = {
        "position": sorted(rows, key=lambda row: expected["keys"][row]),
        "contribution": sorted(rows, key=lambda row: -expected["contribution"][row]),
        "size of effect": sorted(rows, key=lambda row: -abs(expected["effect"][row])),
        "weight": list(rows),
    }
    for name, order in orders.items():
        shown.get_by_label(name, exact=True).check()
        check(shown, expected, order)
    ranks = shown.locator(".links tbody tr").first.locator(".rank")
    expect(ranks.first).to_have_text("no. 1")


def test_what_is_left_out_is_said(page):
    text = "The old man who lives near the river told the boy that his dog was in the garden."
    run = python_run(text)
    expected = effects(run, most=12)
    assert expected["of"] > 12
    shown = look(page, "compare", text, **HEAD, most=12)
    check(shown, expected)
    said = shown.get_by_text(f"12 of {expected['of']} keys").inner_text()
    rest = number(said.split("share ")[1].split()[0])
    assert rest == pytest.approx(1 - sum(expected["weight"]), rel=1e-3, abs=1e-9)
    shown.get_by_label("Keys").select_option("24")
    check(shown, effects(run, most=24))


@pytest.mark.parametrize(("part", "layer"), [("encoder", 2), ("decoder", 0)])
def test_self_attention_too(page, part, layer):
    place = {**HEAD, "part": part, "layer": layer}
    shown = look(page, "compare", **place)
    expected = effects(**place)
    if part == "decoder":
        assert expected["of"] == 3  # the keys that query 2 may attend to
    check(shown, expected)


def test_setting_a_weight_to_0_has_the_effect_that_the_table_says(page):
    shown = look(page, "compare", **HEAD)
    expected = effects()
    check(shown, expected)
    key = expected["keys"][0]
    shown.locator(f".links tr[data-key='{key}']").get_by_role(
        "button", name="Set the weight"
    ).click()
    change = page.locator(".what-if-view [data-row=original] [data-cell=change]")
    expect(change).to_be_visible()
    assert number(change.inner_text()) == pytest.approx(expected["effect"][0], rel=2 * SHOWN)


def test_with_edits_the_effects_are_those_of_the_edited_model(page):
    edits = [{"kind": "ablate_head", "part": "cross", "layer": 0, "head": 1}]
    shown = look(page, "compare", **HEAD, edits=edits)
    check(shown, effects(python_run(edits=edits)))
    expect(shown.get_by_text("Computed with the current edits.")).to_be_visible()


def test_with_the_keyboard_alone(page):
    shown = look(page, "compare", **HEAD)
    expected = effects()
    check(shown, expected)
    shown.get_by_label("weight", exact=True).focus()
    page.keyboard.press("ArrowLeft")  # round to the last
    check(shown, expected, sorted(range(len(expected["keys"])), key=expected["keys"].__getitem__))
    first = shown.locator(".links tbody tr").first
    first.get_by_role("button", name="Set the weight").focus()
    page.keyboard.press("Tab")
    expect(first.locator(".num")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("cross_attention.weights")


def test_in_portuguese(page):
    shown = look(page, "compare", **HEAD, language="pt")
    check(shown, effects())
    expect(shown.locator(".links thead th")).to_contain_text(
        ["Chave", "Peso de roteamento", "Contribuição", "Efeito"]
    )
    expect(shown.get_by_text("Por que podem discordar")).to_be_visible()
    expect(shown.get_by_text("não leva quase nada")).to_be_visible()


def test_pictures_hold_three_columns_of_bars(page):
    shown = look(page, "compare", **HEAD)
    expected = effects()
    check(shown, expected)
    drawing = exported_svg(page)
    carried = max(expected["contribution"])
    widths = [float(bar.get("width")) for bar in of_class(drawing, "weight")]
    assert widths == pytest.approx([200 * weight for weight in expected["weight"]], abs=0.01)
    widths = [float(bar.get("width")) for bar in of_class(drawing, "contribution")]
    assert widths == pytest.approx(
        [200 * at / carried for at in expected["contribution"]], abs=0.01
    )
    assert len(of_class(drawing, "effect")) == len(expected["effect"])
    assert exported(page, "PNG").read_bytes().startswith(b"\x89PNG")
