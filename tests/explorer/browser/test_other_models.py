"""Other people's models on the page: prompts that are continued, and hidden words."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from clearhead.explorer import explorer_of
from tests.explorer.browser.shell import map_head
from tests.explorer.others import MASK, bert_folder, gpt2_folder
from tests.explorer.served import served

from .looking import SHOWN, eventually, number, state_of

PROMPT = "The old man walks"
ABLATE = {"kind": "ablate_head", "part": "decoder", "layer": 11, "head": 5}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("others")
    return {
        "gpt2": gpt2_folder(root / "tiny-gpt2", layers=12, heads=12, width=48),
        "bert": bert_folder(root / "tiny-bert"),
        "vectors": bert_folder(root / "tiny-vectors", fills_masks=False),
    }


@pytest.fixture(scope="module", params=["gpt2"])
def other(request, folders):
    """The address of a page of another model, and the same model in Python."""
    folder = folders[request.param]
    with served("--model", str(folder)) as running:
        yield running.base, explorer_of(folder)


def look(page, base, view="walk", **state):
    pairs = {"view": view, "language": "en", "panels": "all", **state}
    texts = {name: at if isinstance(at, str) else json.dumps(at) for name, at in pairs.items()}
    page.goto("about:blank")
    page.goto(f"{base}/#{urlencode(texts)}")
    page.locator(f"#view[data-view={view}] > *").wait_for()


def tabs(page):
    return page.locator("[role=tab]").all_inner_texts()


def test_a_prompt_is_continued_and_walked(page, other):
    base, explorer = other
    look(page, base, text=PROMPT)
    run = explorer.answer("run", {"text": PROMPT}).json
    expect(page.locator(".translated")).to_have_text(PROMPT + run["translation"])
    expect(page.locator("label[for=sentence]")).to_have_text("Prompt")
    assert tabs(page) == [
        "Walk", "Heads", "Layer by layer", "Gradients", "What if", "Weight, contribution, effect",
    ]  # fmt: skip
    # Twelve layers of twelve heads, and what they stand between.
    assert page.locator(".map-stack").count() == 1
    assert page.locator(".map-head").count() == 144
    assert page.locator(".map-step[data-step=feed]").count() == 12
    assert page.locator(".map-step:not([data-step=feed])").all_inner_texts() == [
        "Embedding", "Logits",
    ]  # fmt: skip
    expect(page.locator(".map-here")).to_contain_text("Decoder, embedding")
    expect(page.locator("#query")).to_have_value(str(run["prompt"] - 1))
    titles = page.locator(".walk-panel h2").all_inner_texts()
    assert not any("Cross" in title or "encoder" in title for title in titles)
    expect(page.locator("#walk-final")).to_contain_text("Layers 1 to 11 work in the same way.")
    row = page.locator("#walk-words tbody tr").first
    best = run["next"][run["prompt"] - 1]["likeliest"][0]
    expect(row.locator("th")).to_have_text(best["token"]["piece"])
    probability = number(row.locator("td .number, td.number button").last.inner_text())
    assert probability == pytest.approx(best["probability"], rel=1e-2, abs=1e-3)


def test_gradients_reach_every_token_of_a_prompt(page, other):
    base, explorer = other
    look(page, base, "gradients", text=PROMPT)
    page.locator(".gradients-part").first.wait_for()
    run = explorer.answer("run", {"text": PROMPT}).json["request"]
    params = {"run": run, "items": [{"path": "decoder.d_embedding"}]}
    (gradients,) = explorer.answer("array", params).arrays["0"]
    found = page.locator(".gradients-lengths .num").all_inner_texts()
    assert [number(one) for one in found] == pytest.approx(
        (gradients**2).sum(axis=-1) ** 0.5, rel=SHOWN
    )
    expect(page.locator(".gradients-way tbody tr")).to_have_count(13)


def test_the_last_of_many_heads_is_chosen_in_one_picture(page, other):
    base, _ = other
    look(page, base, "heads", text=PROMPT)
    pictures = page.locator(".heads-grid.dense .heads-head")
    expect(pictures).to_have_count(144)
    assert page.locator(".heads-all").bounding_box()["height"] < 1100
    page.locator(".heads-head[data-layer='11'][data-head='5']").click()
    eventually(page, lambda: _chose(page, layer="11", head="5"))
    map_head(page, "decoder", 10, 4).click()
    eventually(page, lambda: _chose(page, layer="10", head="4"))


def _chose(page, **state):
    assert {name: state_of(page).get(name) for name in state} == state


def test_where_a_number_comes_from_and_its_program(page, other):
    """From a weight back to the embedding; every program on the way gives its number."""
    base, _ = other
    look(page, base, "heads", text=PROMPT, layer=1, head=5, query=3)
    page.locator(
        "#view button.num[data-path='decoder.layers.1.self_attention.weights']"
    ).first.click()
    paths = []
    for depth in range(40):
        page.wait_for_selector(".where-body[aria-busy=false]")
        path = page.locator(".where .subject .path").inner_text().partition("[")[0]
        paths.append(path)
        if path.startswith("weights/"):
            break
        exec(page.locator(".where pre").inner_text(), {"print": lambda _: None})
        folded = page.locator(".where .operands details")
        if folded.count() and folded.first.get_attribute("open") is None:
            folded.first.locator("summary").click()
        numbers = folded.first.locator(".num") if folded.count() else page.locator(".operands .num")
        numbers.first.click()
        page.wait_for_function(
            "depth => document.querySelectorAll('.where .trail li').length === depth",
            arg=depth + 2,
        )
    assert paths[-1] == "weights/embedding.weight"
    assert "decoder.layers.0.feed_forward_residual" in paths


def test_an_edit_changes_what_python_says_it_changes(page, other):
    base, explorer = other
    look(page, base, "what_if", text=PROMPT, layer=11, head=5)
    page.get_by_role("button", name="Ablate this head").click()
    plain = explorer.answer("run", {"text": PROMPT}).json
    run = explorer.answer("run", {"text": PROMPT, "edits": [ABLATE]}).json
    figures = page.locator(".before-after .edit-translation")
    eventually(page, lambda: _texts(figures, plain["translation"], run["translation"]))
    cell = page.locator("[data-row=original] [data-cell=after]")
    expected = run["baseline"]["target_log_probability"]
    assert number(cell.inner_text()) == pytest.approx(expected, rel=SHOWN)
    expect(page.locator("#what-if-words")).to_contain_text("prompt and of the original")
    expect(page.locator(".per-word tbody tr")).to_have_count(len(plain["predicted"]))


def _texts(figures, *texts):
    assert [one.strip() for one in figures.all_text_contents()] == [one.strip() for one in texts]


def test_how_many_tokens_follow_is_chosen(page, other):
    base, explorer = other
    look(page, base, text=PROMPT)
    page.get_by_role("spinbutton", name="Tokens").fill("2")
    page.get_by_role("spinbutton", name="Tokens").press("Tab")
    run = explorer.answer("run", {"text": PROMPT, "new_tokens": 2}).json
    expect(page.locator(".translated")).to_have_text(PROMPT + run["translation"])
    assert state_of(page)["tokens"] == "2"


@pytest.mark.parametrize("other", ["bert"], indirect=True)
def test_hidden_words_are_filled_in(page, other):
    base, explorer = other
    look(page, base)
    text = state_of(page)["text"]
    assert MASK in text  # the first example hides a word
    run = explorer.answer("run", {"text": text}).json
    expect(page.locator(".translated")).to_have_text(run["translation"])
    expect(page.locator(".translation")).to_contain_text(f"Write {MASK} in the text")
    place = run["scored_positions"][0]
    expect(page.locator("#query")).to_have_value(str(place))
    expect(page.locator("#walk-transform")).to_contain_text("A learned layer and a norm")
    best = run["next"][place]["likeliest"][0]["token"]["piece"]
    expect(page.locator("#walk-words tbody tr th").first).to_have_text(best)


@pytest.mark.parametrize("other", ["vectors"], indirect=True)
def test_a_model_of_vectors_has_no_words_to_show(page, other):
    base, explorer = other
    look(page, base, "what_if", layer=1, head=2)
    assert tabs(page) == ["Walk", "Heads", "What if"]
    expect(page.locator(".translation")).to_contain_text("predicts no words")
    page.get_by_role("button", name="Ablate this head").click()
    edit = {"kind": "ablate_head", "part": "encoder", "layer": 1, "head": 2}
    answer = explorer.answer("run", {"text": state_of(page)["text"], "edits": [edit]}).json
    change = answer["baseline"]["output_change"]
    cells = page.locator(".output-change [data-cell=change]")
    expect(cells).to_have_count(len(change))
    assert [number(cell) for cell in cells.all_inner_texts()] == pytest.approx(change, rel=SHOWN)
    assert page.locator("option[value=output_temperature]").count() == 0


@pytest.mark.parametrize("view", ["walk", "heads", "what_if", "compare"])
def test_nothing_runs_over_a_phone(page, other, view):
    base, _ = other
    page.set_viewport_size({"width": 390, "height": 844})
    look(page, base, view, text=PROMPT)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
