"""The translation, word by word: rows of cross-attention, next words, and the beam."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from .looking import (
    SHOWN,
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

pytestmark = pytest.mark.one_page

HEAD = {"part": "cross", "layer": 1, "head": 2, "query": 2}
LONG = (
    "I know that the old man who lives in the small house near the river told the boy that the "
    "dog which he had seen in the garden of the school was not the one that the woman with the "
    "red hat had lost in the park when she was walking with her children and their friends"
)


def python_weights(run, layer, query):
    """All heads' weights of one row, Float["heads keys"]."""
    items = [{"path": f"decoder.layers.{layer}.cross_attention.weights", "window": None}]
    answer = explorer().answer("array", {"run": run["request"], "items": items})
    return answer.arrays["0"][0, :, query, :]


def test_the_row_of_the_locked_head_is_pythons(page):
    shown = look(page, "words", **HEAD)
    expected = python_weights(python_run(), 1, 2)[2]
    figures = shown.locator(".words-sources .num")
    expect(figures).to_have_count(len(expected))
    assert numbers(figures) == pytest.approx(expected, rel=SHOWN)
    assert exported_json(page)["weights"] == pytest.approx(expected, rel=1e-12)
    expect(shown.get_by_role("heading", level=2).first).to_have_text(
        "Cross-attention, layer 1, head 2"
    )


def test_lines_are_of_the_chosen_word_alone_and_as_wide_as_its_weights(page):
    shown = look(page, "words", **HEAD)
    expected = python_weights(python_run(), 1, 2)[2]
    lines = shown.locator(".words-line")
    expect(lines).to_have_count(len(expected))
    widths = [float(line.get_attribute("stroke-width")) for line in lines.all()]
    assert np.argsort(widths).tolist() == np.argsort(expected).tolist()


def test_a_mean_is_called_a_mean_and_is_one(page):
    shown = look(page, "words", **HEAD)
    shown.get_by_label("mean of a layer’s heads").check()
    expect(shown.get_by_role("heading", level=2).first).to_have_text(
        "Mean of the 4 heads of cross-attention layer 1"
    )
    expect(shown.get_by_text("no head has these weights")).to_be_visible()
    expected = python_weights(python_run(), 1, 2).mean(axis=0)
    assert exported_json(page)["weights"] == pytest.approx(expected, rel=1e-12)
    assert state_of(page)["heads"] == "mean"
    shown.locator(".words-sources .num").nth(1).click()
    snippet = (
        page.get_by_role("dialog").locator("code").filter(has_text="import numpy").inner_text()
    )
    assert "value = np.mean(w)" in snippet
    computed: dict[str, float] = {}
    exec(snippet, computed)
    assert computed["value"] == pytest.approx(expected[1], rel=1e-12)


def test_a_weight_says_where_it_comes_from(page):
    shown = look(page, "words", **HEAD)
    shown.locator(".words-sources .num").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("decoder.layers.1.cross_attention.weights")


def test_the_next_words_and_the_one_that_was_taken(page):
    run = python_run()
    shown = look(page, "words", **HEAD)
    for query, position in enumerate(run["next"]):
        shown.get_by_role("option").nth(query).click()
        rows = shown.locator(".words-next tbody tr")
        ranks = [place + 1 for place in range(10)]
        taken, words = position["taken"], position["likeliest"]
        if taken["rank"] > 10:
            words, ranks = [*words, taken], [*ranks, taken["rank"]]
        expect(rows).to_have_count(len(words))
        expect(rows.locator(".piece")).to_have_text([word["token"]["piece"] for word in words])
        assert numbers(rows.locator("[data-cell=probability] .num")) == pytest.approx(
            [word["probability"] for word in words], rel=SHOWN
        )
        assert numbers(rows.locator("td:first-child")) == ranks
        marked = shown.locator(".words-next tr.words-taken")
        expect(marked).to_have_count(1)
        expect(marked).to_contain_text("✓ chosen")
        expect(marked.locator(".piece")).to_have_text(taken["token"]["piece"])


def test_a_given_word_that_is_not_among_the_ten_has_its_rank(page):
    target = "Les chiens mangent des chaussures."
    run = python_run(target=target)
    position = next(place for place, at in enumerate(run["next"]) if at["taken"]["rank"] > 10)
    rank = run["next"][position]["taken"]["rank"]
    shown = look(page, "words", **{**HEAD, "query": position}, target=target)
    expect(shown.locator(".words-next tbody tr")).to_have_count(11)
    expect(shown.get_by_text(f"Chosen: number {rank} by probability.")).to_be_visible()
    expect(shown.get_by_text("was provided, not found by the search")).to_be_visible()


def test_rows_are_labelled_by_the_word_read_or_written(page):
    run = python_run()
    shown = look(page, "words", **HEAD)
    labels = shown.get_by_role("option").locator(".piece")
    expect(labels).to_have_text([token["piece"] for token in run["decoder_input"]])
    before = shown.locator(".words-sources .num").all_inner_texts()
    shown.get_by_label("word written").check()
    expect(labels).to_have_text([token["piece"] for token in run["predicted"]])
    assert shown.locator(".words-sources .num").all_inner_texts() == before
    assert state_of(page)["rows"] == "output"
    expect(shown.get_by_text("they appear one word earlier")).to_be_visible()
    read, written = run["decoder_input"][2]["piece"], run["predicted"][2]["piece"]
    expect(shown.locator(".words-row-sentence")).to_have_text(f"2: reads {read}, writes {written}")


def test_words_are_chosen_with_the_keyboard_alone(page):
    run = python_run()
    shown = look(page, "words", **HEAD)
    shown.locator("[role=option][aria-selected=true]").focus()
    for key, query in (("ArrowDown", 3), ("ArrowUp", 2), ("End", len(run["predicted"]) - 1),
                       ("ArrowDown", len(run["predicted"]) - 1), ("Home", 0)):  # fmt: skip
        page.keyboard.press(key)
        expect(shown.get_by_role("option").nth(query)).to_be_focused()
        expect(shown.get_by_role("option").nth(query)).to_have_attribute("aria-selected", "true")
    assert "query" not in state_of(page)
    expected = python_weights(run, 1, 0)[2]
    assert exported_json(page)["weights"] == pytest.approx(expected, rel=1e-12)


def test_a_head_that_is_not_of_the_cross_attention_is_said_and_gives_way(page):
    shown = look(page, "words", part="encoder", layer=3, head=2, query=1)
    expect(shown.get_by_text("The locked head is in the encoder")).to_be_visible()
    expect(shown.get_by_role("heading", level=2).first).to_have_text(
        "Cross-attention, layer 1, head 2"
    )
    shown.get_by_role("option").nth(1).click()
    expect(shown.get_by_text("The locked head is in the encoder")).to_have_count(0)
    state = state_of(page)
    assert "part" not in state  # cross, as by default
    assert (state["layer"], state["head"], state["query"]) == ("1", "2", "1")


def beam_rows(step):
    """What a step shows: prefix by prefix, the words with probability, total and fate."""
    return [
        [
            (one["token"]["piece"], one["probability"], one["total"], one["fate"])
            for one in prefix["continuations"]
        ]
        for prefix in step["prefixes"]
    ]


def shown_rows(shown):
    return [
        [
            (
                row.locator(".piece").inner_text(),
                number(row.locator("[data-cell=probability]").inner_text()),
                number(row.locator("td").nth(1).inner_text()),
                row.locator(".words-fate").inner_text().split()[-1],
            )
            for row in prefix.locator("tbody tr").all()
        ]
        for prefix in shown.locator(".words-prefix").all()
    ]


@pytest.mark.parametrize("beam_size", [1, 3])
def test_every_step_of_the_beam(page, beam_size):
    run = python_run(beam_size=beam_size)
    beam = explorer().answer("beam", {"run": run["request"], "beam_size": beam_size}).json
    shown = look(page, "words", **HEAD, beam=beam_size)
    tabs = shown.get_by_role("tab")
    expect(tabs).to_have_count(len(beam["steps"]))
    for place in {0, 1, len(beam["steps"]) - 1}:
        tabs.nth(place).click()
        expect(tabs.nth(place)).to_have_attribute("aria-selected", "true")
        for rows, expected in zip(shown_rows(shown), beam_rows(beam["steps"][place]), strict=True):
            assert [(row[0], row[3]) for row in rows] == [(row[0], row[3]) for row in expected]
            assert [row[1:3] for row in rows] == [
                pytest.approx(row[1:3], rel=SHOWN) for row in expected
            ]
    finished = shown.locator(".words-finished-table tbody tr")
    expect(finished).to_have_count(len(beam["finished"]))
    assert numbers(finished.locator("td").nth(1)) == pytest.approx(
        [beam["finished"][0]["score"]], rel=SHOWN
    )
    expect(finished.first).to_contain_text("✓ chosen")


def test_steps_of_the_beam_follow_the_chosen_word_and_the_arrow_keys(page):
    shown = look(page, "words", **HEAD)
    expect(shown.get_by_role("tab", selected=True)).to_have_text("2")
    shown.get_by_role("tab", selected=True).focus()
    page.keyboard.press("ArrowRight")
    expect(shown.get_by_role("tab").nth(3)).to_be_focused()
    expect(shown.get_by_role("option").nth(3)).to_have_attribute("aria-selected", "true")
    assert state_of(page)["query"] == "3"


def test_a_long_sentence_is_shown_in_windows_that_say_so(page):
    run = python_run(LONG)
    of = len(run["source"])
    assert of > 48
    shown = look(page, "words", LONG, **HEAD)
    weights = python_weights(run, 1, 2)[2]
    start = int(weights.argmax()) // 48 * 48
    within = weights[start : start + 48]
    expect(shown.locator(".words-sources .num")).to_have_count(len(within))
    source = shown.get_by_role("group", name="Source")
    expect(source).to_contain_text(f"{start}–{min(of, start + 48) - 1} of {of}")
    said = shown.get_by_text("of this row’s weight").inner_text().split()[0]
    assert number(said) == pytest.approx(1 - within.sum(), rel=1e-3, abs=1e-12)
    source.get_by_role("button", name="Later" if start == 0 else "Earlier").click()
    other = 48 - start
    expect(shown.locator(".words-sources .words-place").first).to_have_text(str(other))
    assert numbers(shown.locator(".words-sources .num")) == pytest.approx(
        weights[other : other + 48], rel=SHOWN
    )


def test_in_portuguese(page):
    shown = look(page, "words", **HEAD, language="pt")
    expect(shown.get_by_role("heading", level=2)).to_have_text([
        "Atenção cruzada, camada 1, cabeça 2",
        "As dez próximas palavras mais prováveis",
        "A busca: cada passo do feixe",
    ])  # fmt: skip
    shown.get_by_label("média das cabeças de uma camada").check()
    expect(shown.get_by_text("nenhuma cabeça tem estes pesos")).to_be_visible()
    expect(shown.locator(".words-fate").first).to_have_text(re.compile("mantida|descartada"))


def test_pictures_hold_the_lines_and_their_numbers(page):
    look(page, "words", **HEAD)
    expected = python_weights(python_run(), 1, 2)[2]
    drawing = exported_svg(page)
    assert len(of_class(drawing, "link")) == len(expected)
    widths = [float(bar.get("width")) for bar in of_class(drawing, "weight")]
    assert widths == pytest.approx(240 * expected, abs=0.01)
    assert exported(page, "PNG").read_bytes().startswith(b"\x89PNG")
