"""The heads view: every head, the locked one, and the lines of one query."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.explorer.browser.reference_numbers import Sentence, depths
from tests.explorer.browser.shell import chosen_head, map_head

CAT = Sentence("The cat sleeps on the red chair.")
DEPTHS = depths()
HEADS = 4


@pytest.fixture(scope="module")
def shared(browser, server):
    """One page for most tests here: only its address changes, so the application starts once."""
    with browser.new_context(base_url=server, viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(60_000)
        opened = context.new_page()
        errors = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on(
            "console", lambda said: errors.append(said.text) if said.type == "error" else None
        )
        yield opened
        assert not errors, "The page wrote errors: " + "\n".join(errors)


def ready(page):
    page.wait_for_function(
        """() => {
            const cell = document.querySelector('.heads table.matrix td[data-row]');
            return document.querySelector('[aria-busy="false"]')
                && cell && (cell.getAttribute('aria-label') ?? cell.textContent) !== '…'
                && document.querySelectorAll('.heads-head').length
                && !document.querySelector('.heads-blank')
                && document.querySelector('.heads-keys li');
        }"""
    )


def opened(page, **state):
    page.goto(CAT.address(**{"part": "cross", "layer": 1, "head": 2, "query": 4, **state}))
    ready(page)


def button(page, part, layer, head):
    return page.locator(f".heads-head[data-part={part}][data-layer='{layer}'][data-head='{head}']")


def state_of(page):
    """What the address says."""
    return page.evaluate("() => Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def picked(page):
    """Part, layer and head on the map that all views share."""
    return list(chosen_head(page)[:3])


def test_all_heads_are_there_with_their_entropies(shared):
    opened(shared)
    for part, layers in DEPTHS.items():
        for layer in range(layers):
            entropies = CAT.entropy(part, layer)
            for head in range(HEADS):
                shown = button(shared, part, layer, head)
                assert f"{entropies[head]:.2f} nats" in shown.inner_text()
                name = shown.get_attribute("aria-label")
                assert f"layer {layer}, head {head}, mean entropy" in name
                assert float(re.search(r"entropy ([\d.]+)", name)[1]) == pytest.approx(
                    entropies[head], abs=0.0051
                )
    assert shared.locator(".heads-head").count() == HEADS * sum(DEPTHS.values())


@pytest.mark.parametrize(("part", "layer", "head"), [("encoder", 3, 1), ("decoder", 0, 2)])
def test_a_picture_has_the_colours_of_its_matrix(shared, part, layer, head):
    opened(shared, part=part, layer=layer, head=head)
    weights = CAT.weights(part, layer)[head]
    rows, columns = weights.shape
    pixels = (
        button(shared, part, layer, head)
        .locator("canvas")
        .evaluate(
            """(canvas, [rows, columns]) => {
            const context = canvas.getContext('2d');
            const at = (row, column) => [...context.getImageData(
                Math.floor((column + 0.5) * canvas.width / columns),
                Math.floor((row + 0.5) * canvas.height / rows), 1, 1).data].slice(0, 3);
            return Array.from({length: rows}, (_, row) =>
                Array.from({length: columns}, (_, column) => at(row, column)));
        }""",
            [rows, columns],
        )
    )
    cells = shared.evaluate(
        """() => [...document.querySelectorAll('table.matrix tbody tr')].map(row =>
            [...row.querySelectorAll('td')].map(cell => cell.matches('.masked') ? null :
                getComputedStyle(cell).backgroundColor.match(/\\d+/g).map(Number)))"""
    )
    masked = CAT.masked(part, layer)[head]
    for row in range(rows):
        for column in range(columns):
            assert (cells[row][column] is None) == masked[row, column]
            if cells[row][column]:  # the picture's weights are float32
                assert np.abs(np.subtract(cells[row][column], pixels[row][column])).max() <= 1


def test_a_click_locks_a_head_in_all_views(shared):
    opened(shared)
    button(shared, "encoder", 2, 3).click()
    ready(shared)
    assert picked(shared) == ["encoder", "2", "3"]
    state = state_of(shared)
    assert (state["part"], state["layer"], state["head"]) == ("encoder", "2", "3")
    assert button(shared, "encoder", 2, 3).get_attribute("aria-selected") == "true"
    assert shared.locator(".heads-head.locked").count() == 1
    assert "encoder.layers.2.self_attention.weights" in shared.locator(".heads-path").inner_text()
    first = shared.locator("table.matrix td[data-row='0'][data-column='0']").inner_text()
    assert first == f"{CAT.weights('encoder', 2)[3][0, 0]:.2f}"
    # The map moves the view as well.
    map_head(shared, "decoder", 0, 1).click()
    ready(shared)
    assert shared.locator("#heads-locked").inner_text().startswith("The locked head: Decoder")


def test_heads_are_reached_and_locked_by_keyboard_alone(shared):
    opened(shared, part="encoder", layer=0, head=0)
    grid = shared.get_by_role("grid", name="Encoder")
    assert grid.locator("button[tabindex='0']").count() == 1
    shared.locator(".heads-jump, #heads-all").first.evaluate("() => document.body.focus()")
    for _ in range(60):
        shared.keyboard.press("Tab")
        if shared.evaluate("() => document.activeElement.matches('.heads-head')"):
            break
    where = "() => { const d = document.activeElement.dataset; return [d.layer, d.head]; }"
    assert shared.evaluate(where) == ["0", "0"]
    last = DEPTHS["encoder"] - 1
    for key, layer, head in [
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 1),
        ("End", 1, 3),
        ("Control+End", last, 3),
        ("Home", last, 0),
        ("ArrowUp", last - 1, 0),
    ]:
        shared.keyboard.press(key)
        assert shared.evaluate(where) == [str(layer), str(head)], key
    shared.keyboard.press("Enter")
    ready(shared)
    assert picked(shared) == ["encoder", str(last - 1), "0"]


def test_lines_show_the_chosen_query_and_no_other(shared):
    opened(shared)
    weights = CAT.weights("cross", 1)[2][4]
    widths = shared.locator("line.heads-line").evaluate_all(
        "all => all.map(line => Number(line.getAttribute('stroke-width')))"
    )
    starts = shared.locator("line.heads-line").evaluate_all(
        "all => [...new Set(all.map(line => line.getAttribute('y1')))]"
    )
    assert len(widths) == len(weights)
    assert len(starts) == 1
    assert widths == pytest.approx(np.maximum(0.75, 14 * weights), abs=1e-6)
    opacities = shared.locator("line.heads-line").evaluate_all(
        "all => all.map(line => getComputedStyle(line).opacity)"
    )
    assert set(opacities) == {"1"}
    numbers = shared.locator(".heads-keys .num").all_inner_texts()
    read = [float(number.replace("−", "-")) for number in numbers]
    assert read == pytest.approx(weights, rel=6e-3)
    assert shared.get_by_text("The whole row sums to 1.0000.").count() == 1


def test_another_query_is_chosen_by_keyboard(shared):
    opened(shared, part="decoder", layer=1, head=0, query=4)
    shared.get_by_role("radio", name=re.compile("^4 ")).focus()
    shared.keyboard.press("ArrowUp")
    shared.wait_for_function("() => /query=3/.test(location.hash)")
    chosen = shared.locator("[role=radio][aria-checked=true]")
    assert chosen.count() == 1
    assert chosen.inner_text().split() == ["3", CAT.decoder_input[3]]
    shared.wait_for_function("() => document.querySelectorAll('line.heads-line').length === 4")
    assert shared.locator(".heads-keys .heads-masked").count() == len(CAT.decoder_input) - 4
    assert shared.evaluate("() => document.activeElement.getAttribute('aria-checked')") == "true"
    shared.keyboard.press("End")
    last = len(CAT.decoder_input) - 1
    shared.wait_for_function("n => location.hash.includes(`query=${n}`)", arg=last)


def test_rows_are_labelled_by_what_is_read_or_by_what_is_predicted(shared):
    opened(shared, part="decoder", layer=1, head=0)
    rows = shared.locator("table.matrix th[scope=row]")
    keys = shared.locator("table.matrix th[scope=col]")
    assert rows.all_inner_texts() == CAT.decoder_input
    shared.get_by_label("the word it predicts").check()
    assert rows.all_inner_texts() == CAT.predicted
    assert keys.all_inner_texts() == CAT.decoder_input
    assert state_of(shared)["rows"] == "output"
    assert "Chen et al. 2020" in shared.locator(".heads-rows").inner_text()
    opened(shared, part="encoder", layer=1, head=0, rows="output")
    assert rows.all_inner_texts() == CAT.source
    assert shared.locator(".heads-rows").count() == 0


def test_the_words_are_portuguese_too(shared):
    shared.goto(CAT.address(language="pt", part="cross", layer=1, head=2))
    ready(shared)
    told = shared.locator(".heads").inner_text()
    for words in ("Todas as cabeças", "Atenção cruzada", "peso de roteamento", "mascarado"):
        assert words in told
    told = told.replace("decoder.layers.1.cross_attention.weights", "")
    for words in ("query", "keys", "head", "reason", "weight"):
        assert not re.search(rf"\b{words}", told, re.I), words


@pytest.mark.parametrize(
    ("scheme", "width", "part"), [("light", 1280, "cross"), ("dark", 390, "decoder")]
)
def test_axe_finds_nothing_serious(browser, server, scheme, width, part):
    from axe_playwright_python.sync_playwright import Axe

    with browser.new_context(
        base_url=server, viewport={"width": width, "height": 844}, color_scheme=scheme
    ) as context:
        page = context.new_page()
        opened(page, part=part, layer=1, head=2, query=4, key=2)
        found = Axe().run(page, context="#view").response["violations"]
        serious = [
            (
                violation["id"],
                violation["help"],
                [node["html"][:160] for node in violation["nodes"]][:3],
            )
            for violation in found
            if violation["impact"] in ("serious", "critical")
        ]
        assert not serious, json.dumps(serious, indent=1)
        # No sideways scrolling of the page itself, whatever the width.
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


# A recording: attention of a model that is not ours, long, with many heads.
TOKENS, LAYERS, MANY = 160, 12, 16


@pytest.fixture(scope="module")
def maps():
    torch = pytest.importorskip("torch")
    from clearhead.maps import AttentionMap

    draw = torch.Generator().manual_seed(5)
    shape = (1, MANY, TOKENS, 8)
    return {
        f"model.layers.{layer}.self_attn": AttentionMap.of(
            torch.randn(shape, generator=draw) * 2,
            torch.randn(shape, generator=draw) * 2,
            causal=True,
        )
        for layer in range(LAYERS)
    }


@pytest.fixture(scope="module")
def recording(browser, server, maps):
    """The page, answered by a recording; and the questions that it asked."""
    from clearhead.errors import ClearheadError
    from clearhead.explorer.contract.arrays import encode, to_json
    from clearhead.explorer.recordings.explorer import RecordingExplorer

    tokens = [f"word{at}" for at in range(TOKENS)]
    explorer = RecordingExplorer(maps, name="another model", tokens=tokens)
    asked = []

    def answer(route):
        name = route.request.url.rsplit("/", 1)[1]
        params = route.request.post_data_json
        asked.append((name, params))
        try:
            given = explorer.answer(name, params)
        except ClearheadError as error:
            message = {"kind": type(error).__name__, "message": str(error)}
            return route.fulfill(status=400, json={"error": message})
        body = encode(given.json, given.arrays) if given.arrays else to_json(given.json)
        kind = "application/octet-stream" if given.arrays else "application/json"
        return route.fulfill(body=body, content_type=kind)

    with browser.new_context(base_url=server, viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.route("**/api/*", answer)
        page.goto("/#view=heads&part=self&layer=1&head=5&query=100&language=en")
        page.wait_for_function(
            "() => { const cell = document.querySelector('.heads table.matrix td[data-row]');"
            "  return cell && (cell.getAttribute('aria-label') ?? cell.textContent) !== '…'; }"
        )
        page.wait_for_selector(".window-picker-picture canvas")
        yield page, asked


class TestRecording:
    """Attention of a model that is not ours: many heads, long, and nothing fetched unseen."""

    def test_the_window_holds_the_query_and_its_numbers_are_the_maps(self, recording, maps):
        page, asked = recording
        told = page.locator(".matrix-truncation").inner_text()
        first = int(re.search(r"queries (\d+)–", told)[1])
        assert first <= 100 < first + 48
        assert f"of {TOKENS}" in told
        weights = maps["model.layers.1.self_attn"].weights[0, 5].numpy()
        said = page.evaluate(
            """() => [...document.querySelectorAll('table.matrix td[data-row]')].map(cell =>
                [Number(cell.dataset.row), Number(cell.dataset.column),
                 cell.getAttribute('aria-label')])"""
        )
        assert len(said) == 48 * 48
        for row, column, text in said:
            assert text == ("masked" if column > row else f"{weights[row, column]:.2f}")
        shapes = [
            [stop - start for start, stop in item["window"]]
            for name, params in asked
            if name == "array"
            for item in params["items"]
        ]
        assert all(heads == 1 and queries * keys <= 48 * 48 for _, heads, queries, keys in shapes)

    def test_the_largest_weights_of_the_row_are_drawn_and_the_rest_is_told(self, recording, maps):
        page, _ = recording
        row = maps["model.layers.1.self_attn"].weights[0, 5, 100].numpy()
        largest = sorted(np.argsort(-row, kind="stable")[:24])
        keys = [int(text) for text in page.locator(".heads-keys small").all_inner_texts()]
        assert keys == largest
        told = page.locator(".heads-lines").inner_text()
        assert f"The 24 largest of {TOKENS} weights" in told
        assert f"together they make up {row[largest].sum():.3f} of the row" in told

    def test_pictures_are_fetched_as_they_come_into_sight(self, recording):
        page, asked = recording
        pages = [params["layers"] for name, params in asked if name == "overview"]
        assert 0 < len(pages) < LAYERS * MANY / 64
        assert [0, 4] in pages
        assert page.locator(".heads-head").count() == LAYERS * MANY
        button(page, "self", LAYERS - 1, 0).scroll_into_view_if_needed()
        page.wait_for_function(
            "() => document.querySelector('[data-part=self][data-layer=\"11\"] canvas')?.width > 0"
        )
        assert [8, 12] in [params["layers"] for name, params in asked if name == "overview"]
        assert "as you scroll to them" in page.locator(".heads-part").inner_text()
        assert (
            "each dot is the largest weight of 4 × 4 cells"
            in page.locator(".heads-part").inner_text()
        )
