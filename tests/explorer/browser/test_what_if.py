"""What if: edits made on the page change what Python says they change."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from .looking import (
    SHOWN,
    address,
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

HEAD = {"part": "cross", "layer": 1, "head": 0}
ABLATION = {"kind": "ablate_head", **HEAD}
MASK = {"kind": "mask_token", "position": 2}
STRONG = [ABLATION, MASK]


def edits_of(page):
    return json.loads(state_of(page).get("edits", "[]"))


def check_edits(page, edits):
    """These edits are in the address and in force; Python's answer with them."""
    run = python_run(edits=edits)
    eventually(page, lambda: same(edits_of(page), edits))
    expect(page.locator(".translated")).to_have_text(run["translation"])
    return run


def same(found, expected):
    assert found == expected


def check_result(page, shown, edits):
    """Translations and log-probabilities, before and after, are Python's."""
    run, plain = check_edits(page, edits), python_run()
    figures = shown.locator(".before-after .edit-translation")
    expect(figures).to_have_text([plain["translation"], run["translation"]])
    rows = {
        "own": run["log_probability"],
        "original": run["baseline"]["target_log_probability"],
    }
    eventually(page, lambda: check_rows(shown, plain["log_probability"], rows))
    return run


def check_rows(shown, before, rows):
    for row, after in rows.items():
        cells = shown.locator(f"[data-row={row}] td")
        expected = [before, after, after - before]
        assert numbers(cells) == pytest.approx(expected, rel=SHOWN, abs=1e-12)


def test_an_ablation_from_the_page_changes_what_python_says_it_changes(page):
    shown = look(page, "what_if", **HEAD)
    expect(shown.get_by_text("No edits: the model is unchanged.").first).to_be_visible()
    button = shown.get_by_role("button", name="Ablate this head")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    check_result(page, shown, [ABLATION])
    assert edits_of(page) == [ABLATION]
    expect(shown.locator(".took")).to_have_attribute("data-milliseconds", re.compile(r"^\d+$"))
    button.click()
    expect(shown.locator(".edit-list li")).to_have_count(0)
    assert edits_of(page) == []


def test_masking_tokens_and_what_differs_is_marked_in_words(page):
    shown = look(page, "what_if", **HEAD)
    shown.get_by_role("button", name="Ablate this head").click()
    token = shown.locator(".mask-token").nth(2)
    token.click()
    expect(token).to_have_text(re.compile("masked"))
    run = check_result(page, shown, STRONG)
    assert run["translation"] != python_run()["translation"]
    removed, added = shown.locator(".marked del"), shown.locator(".marked ins")
    expect(shown.locator(".marked del, .marked ins").first).to_be_visible()
    assert all(text.startswith("removed: ") for text in removed.all_text_contents())
    assert all(text.startswith("added: ") for text in added.all_text_contents())
    gone = [text.removeprefix("removed: ") for text in removed.all_text_contents()]
    come = [text.removeprefix("added: ") for text in added.all_text_contents()]
    kept = [token["piece"] for token in python_run()["predicted"]]
    now = [token["piece"] for token in run["predicted"]]
    assert sorted([*kept, *come]) == sorted([*now, *gone])


def test_words_of_the_original_translation_one_by_one(page):
    shown = look(page, "what_if", **HEAD, edits=STRONG)
    plain = python_run()
    along = python_run(edits=STRONG, target=plain["translation"])
    assert along["predicted"] == plain["predicted"]
    expect(shown.locator(".per-word tbody tr")).to_have_count(len(plain["predicted"]))
    before, after = plain["log_probabilities"], along["log_probabilities"]
    changes = [now - was for was, now in zip(before, after, strict=True)]
    for name, expected in (("before", before), ("after", after), ("change", changes)):
        cells = shown.locator(f".per-word [data-cell={name}]")
        assert numbers(cells) == pytest.approx(expected, rel=SHOWN, abs=1e-9)
    sizes = [abs(change) for change in changes]
    chosen = shown.locator(".per-word [aria-pressed=true]")
    expect(chosen).to_have_text(re.compile(f"^{sizes.index(max(sizes))} "))
    chosen.focus()
    page.keyboard.press("End")
    last = shown.locator(".per-word .row-button").last
    expect(last).to_be_focused()
    expect(last).to_have_attribute("aria-pressed", "true")
    assert state_of(page)["position"] == str(len(sizes) - 1)


def test_next_words_before_and_after_at_one_position(page):
    shown = look(page, "what_if", **HEAD, edits=STRONG, position=1)
    plain = python_run()
    along = python_run(edits=STRONG, target=plain["translation"])
    rows = shown.locator(".next-changes tbody tr")
    tokens = {
        word["token"]["id"]
        for run in (plain, along)
        for word in [*run["next"][1]["likeliest"], plain["next"][1]["taken"]]
    }
    expect(rows).to_have_count(len(tokens))
    assert {int(row.get_attribute("data-token")) for row in rows.all()} == tokens
    item = {
        "path": "probabilities",
        "window": [[0, 1], [1, 2], [0, explorer().models.config.vocab_size]],
    }
    before, after = (
        explorer().answer("array", {"run": run["request"], "items": [item]}).arrays["0"][0, 0]
        for run in (plain, along)
    )
    for row in rows.all():
        token = int(row.get_attribute("data-token"))
        was, now, change = (
            number(row.locator(f"[data-cell={name}]").inner_text())
            for name in ("before", "after", "change")
        )
        assert was == pytest.approx(before[token], rel=SHOWN)
        assert now == pytest.approx(after[token], rel=SHOWN)
        assert change == pytest.approx(after[token] - before[token], rel=SHOWN, abs=1e-12)
    expect(rows.filter(has_text="✓ original word")).to_have_count(1)


def test_a_token_is_swapped_with_the_keyboard_alone(page):
    shown = look(page, "what_if", **HEAD)
    source = [token["piece"] for token in python_run()["source"]]
    cat = source.index("▁cat")
    found = explorer().answer("words", {"query": "dog"}).json["tokens"]
    kind = shown.get_by_label("Change", exact=True)
    kind.focus()
    kind.select_option("swap_token")
    shown.get_by_label("Token", exact=True).select_option(str(cat))
    page.keyboard.press("Tab")
    combobox = shown.get_by_role("combobox", name="Replacement")
    combobox.focus()
    page.keyboard.type("dog")
    options = shown.get_by_role("option").filter(has_text=re.compile("dog"))
    expect(options.locator(".piece")).to_have_text([token["piece"] for token in found])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(combobox).to_have_attribute("aria-activedescendant", "swap-token-0")
    page.keyboard.press("Enter")
    expect(combobox).to_have_attribute("aria-expanded", "false")
    expect(combobox).to_have_value(found[0]["piece"])
    page.keyboard.press("Enter")  # the field's own: adds the edit
    edit = {"kind": "swap_token", "position": cat, "token": found[0]["id"]}
    run = check_result(page, shown, [edit])
    assert run["translation"] != python_run()["translation"]
    expect(shown.locator(".edit-list li")).to_contain_text(f"replaced by “{found[0]['piece']}”")
    assert edits_of(page) == [edit]


def test_a_weight_is_set_with_and_without_renormalising(page):
    shown = look(page, "what_if", **HEAD, query=1, key=4)
    shown.get_by_label("Change", exact=True).select_option("set_weight")
    shown.get_by_role("spinbutton", name="Weight").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("0.75")
    page.keyboard.press("Enter")  # settles the value and adds the edit
    edit = {"kind": "set_weight", **HEAD, "query": 1, "key": 4, "value": 0.75}
    check_result(page, shown, [{**edit, "renormalise": True}])
    shown.get_by_label("Renormalise the row").uncheck()
    shown.get_by_role("button", name="Add", exact=True).click()
    expect(shown.locator(".edit-list li")).to_have_count(1)  # it takes the first one's place
    check_result(page, shown, [{**edit, "renormalise": False}])
    (written,) = edits_of(page)
    assert written == {**edit, "renormalise": False}


@pytest.mark.parametrize(
    ("kind", "place"), [("attention_temperature", HEAD), ("output_temperature", {})]
)
def test_temperatures_are_set_and_changed_where_they_stand(page, kind, place):
    shown = look(page, "what_if", **HEAD)
    shown.get_by_label("Change", exact=True).select_option(kind)
    form = shown.locator(".edit-form")
    form.get_by_role("spinbutton", name="Temperature").fill("3.5")
    form.get_by_role("button", name="Add").click()
    check_result(page, shown, [{"kind": kind, **place, "value": 3.5}])
    listed = shown.locator(".edit-list")
    slider = listed.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    check_result(page, shown, [{"kind": kind, **place, "value": 0.1}])
    listed.get_by_role("spinbutton").fill("-1")
    page.keyboard.press("Enter")
    expect(listed.get_by_role("spinbutton")).to_have_value("0.1")
    assert edits_of(page)[0]["value"] == 0.1


def test_edits_are_undone_one_by_one_and_removed(page):
    shown = look(page, "what_if", **HEAD)
    undo = shown.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    for place in (0, 1, 3):
        shown.locator(".mask-token").nth(place).click()
    masks = [{"kind": "mask_token", "position": place} for place in (0, 1, 3)]
    expect(shown.locator(".edit-list li")).to_have_count(3)
    shown.locator(".edit-list li").nth(1).get_by_role("button", name="Remove").click()
    expect(shown.locator(".edit-list li")).to_have_count(2)
    undo.click()
    expect(shown.locator(".edit-list li")).to_have_count(3)
    undo.click()
    check_edits(page, masks[:2])
    assert edits_of(page) == masks[:2]
    shown.get_by_role("button", name="Remove all").click()
    check_edits(page, [])
    expect(shown.locator(".edit-list li")).to_have_count(0)


def test_the_address_restores_edits_and_every_view_tells_of_them(page):
    look(page, "words", **HEAD, edits=STRONG)
    banner = page.get_by_role("region", name="2 edits")
    expect(banner).to_contain_text("Cross-attention, layer 1, head 0: ablated")
    expect(banner).to_contain_text("Source token 2 “▁cat”: masked")
    for view in ("walk", "heads", "compare"):
        page.evaluate("hash => location.hash = hash", address(view, edits=STRONG)[1:])
        expect(page.locator(f"#view[data-view={view}]")).to_be_visible()
        expect(banner).to_be_visible()
    banner.get_by_role("button", name="See the change").click()
    shown = page.locator(".what-if-view")
    expect(shown.locator(".edit-list li")).to_have_count(2)
    check_result(page, shown, STRONG)
    page.go_back()
    banner.get_by_role("button", name="Remove: Source token 2 “▁cat”: masked").click()
    expect(page.get_by_role("region", name="1 edit", exact=True)).to_be_visible()
    check_edits(page, [ABLATION])
    page.go_back()
    expect(banner).to_be_visible()
    banner.get_by_role("button", name="Remove all").click()
    expect(page.locator(".edits-banner")).to_have_count(0)


def test_an_edit_that_the_model_refuses_says_so(page, console_errors):
    page.goto(address("what_if", edits=[{"kind": "mask_token", "position": 99}]))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("99")
    alert.get_by_role("button", name="Undo all edits").click()
    expect(page.locator(".translated")).to_have_text(python_run()["translation"])
    console_errors.clear()  # the browser writes down that the server answered 400


def test_in_portuguese(page):
    shown = look(page, "what_if", **HEAD, edits=STRONG, language="pt")
    expect(page.locator(".edits-banner")).to_contain_text("2 edições")
    expect(shown.get_by_role("heading", level=2)).to_have_text([
        "E se", "Antes e depois", "Cada palavra da tradução original",
        "Probabilidades da próxima palavra, antes e depois",
    ])  # fmt: skip
    expect(shown.locator(".edit-list li").first).to_contain_text(
        "Atenção cruzada, camada 1, cabeça 0: anulada"
    )
    expect(shown.locator(".marked del").first).to_have_text(re.compile("^removido: "))


def test_exports_hold_the_change_of_each_word(page):
    shown = look(page, "what_if", **HEAD, edits=STRONG)
    expect(shown.locator(".per-word tbody tr").first).to_be_visible()
    told = exported_json(page)
    plain = python_run()
    along = python_run(edits=STRONG, target=plain["translation"])
    assert told["edits"] == STRONG
    found = told["original_translation"]["log_probabilities"]
    assert found["before"] == pytest.approx(plain["log_probabilities"], rel=1e-12)
    assert found["after"] == pytest.approx(along["log_probabilities"], rel=1e-9)
    drawing = exported_svg(page)
    pairs = zip(plain["log_probabilities"], along["log_probabilities"], strict=True)
    changes = [abs(now - was) for was, now in pairs]
    widths = [float(bar.get("width")) for bar in of_class(drawing, "change")]
    assert widths == pytest.approx([260 * change / max(changes) for change in changes], abs=0.01)
    assert any(plain["translation"] in (element.text or "") for element in drawing.iter())
    assert exported(page, "PNG").read_bytes().startswith(b"\x89PNG")
