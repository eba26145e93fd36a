"""The walk: every panel, and every number on it against the reference in float64."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import pytest

from clearhead.reference import Trace, Transformer
from clearhead.translation.checkpoint import read_checkpoint
from tests.explorer.served import served
from tests.translation.conftest import write_checkpoint

TEXT = "The black cat sleeps on the table."
BEFORE = ["text", "tokens", "embedding", "position", "input", "norm", "vectors", "score", "scores"]
AFTER = ["scaled", "masked", "softmax", "contributions", "heads", "residual"]
END = ["feed", "residual-two", "final", "logits", "words"]
HEADS = [
    ("encoder", 1, 2, 2, 7),
    ("decoder", 1, 0, 4, 1),
    ("cross", 1, 3, 3, 5),
    ("encoder", 0, 0, 0, 0),
]
CHOSEN = "#walk-score .walk-total button"
DERIVED = {"product", "running_sum", "exp", "exp_sum", "max", "weight_sum"}


@dataclass
class Shown:
    """A number on the page."""

    path: str
    index: tuple[int, ...]
    value: float


def opened(page, base="/", **state):
    """The walk of a state, with all its numbers there."""
    page.goto(f"{base}#" + urlencode({"text": TEXT, "view": "walk", "language": "en", **state}))
    page.locator(".walk-panel").first.wait_for()
    settled(page)


def settled(page):
    page.wait_for_function(
        "() => document.querySelector('.walk-panel') && !document.querySelector('.walk-loading')"
        " && document.querySelector('.page').getAttribute('aria-busy') === 'false'"
    )


def numbers(page, within=".walk"):
    found = page.eval_on_selector_all(
        f"{within} button.num",
        "all => all.map(b => [b.dataset.path, b.dataset.index, b.title])",
    )
    return [
        Shown(path, tuple(map(int, index.split(","))), number(text)) for path, index, text in found
    ]


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").replace("\N{INFINITY}", "inf"))


def ids(page, path):
    return [int(shown.value) for shown in numbers(page, "#walk-tokens") if shown.path == path]


@pytest.fixture(scope="module")
def model():
    checkpoint = read_checkpoint("en-fr")
    return checkpoint, Transformer(checkpoint.config, checkpoint.weights)


@pytest.fixture(scope="module")
def traced(model):
    """The reference's own trace of the sentence and a translation, contributions included."""
    checkpoint, reference = model
    known: dict[tuple[int, ...], Trace] = {}

    def trace_of(target):
        key = tuple(target)
        if key not in known:
            source = [*checkpoint.tokenizer.encode(TEXT), checkpoint.config.end_id]
            known[key] = Trace(keep="*")
            reference.forward(np.array([source]), np.array([key]), trace=known[key])
        return known[key]

    return trace_of


def expected(shown, trace, weights, part, layer, head):
    """What the reference has where the page says the number stands."""
    if shown.path.startswith("weights/"):
        return weights[shown.path.removeprefix("weights/")][shown.index]
    scope, _, name = shown.path.rpartition(".")
    if name not in DERIVED:
        return trace[shown.path].value[shown.index]
    _, at, query, *rest = shown.index
    assert at == head
    masked = trace[f"{scope}.masked"].value[0, head, query]
    if name in ("product", "running_sum"):
        products = (
            trace[f"{scope}.query"].value[0, head, query]
            * trace[f"{scope}.key"].value[0, head, rest[0]]
        )
        return products[rest[1]] if name == "product" else products[: rest[1] + 1].sum()
    shifted = np.exp(masked - masked.max())
    return {
        "exp": lambda: shifted[rest[0]],
        "exp_sum": shifted.sum,
        "max": masked.max,
        "weight_sum": trace[f"{scope}.weights"].value[0, head, query].sum,
    }[name]()


@pytest.mark.parametrize(("part", "layer", "head", "query", "key"), HEADS)
def test_every_number_is_the_references(page, model, traced, part, layer, head, query, key):
    opened(page, part=part, layer=layer, head=head, query=query, key=key)
    checkpoint, reference = model
    target = ids(page, "decoder.tokens") or decoder_input(page)
    trace = traced(target)
    all_shown = numbers(page)
    assert len(all_shown) > 300
    paths = {shown.path.rpartition(".")[2] for shown in all_shown}
    assert paths >= DERIVED | {"scores", "scaled", "masked", "weights", "output", "projected", "up"}
    for shown in all_shown:
        wanted = expected(shown, trace, reference.weights, part, layer, head)
        # Steps are the same bits; what JavaScript computes between two steps may round otherwise.
        close = 1e-12 if shown.path.rpartition(".")[2] in DERIVED else 0
        assert shown.value == pytest.approx(wanted, rel=close, abs=close), shown


def decoder_input(page):
    """The decoder's tokens where the walk shows the encoder's alone."""
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name=re.compile("JSON")).click()
    return [
        token["id"]
        for token in json.loads(saved.value.path().read_text())["shown"]["decoder_input"]
    ]


@pytest.mark.parametrize(
    ("part", "between"), [("encoder", []), ("cross", []), ("decoder", ["cross"])]
)
def test_panels_stand_in_the_order_of_computation(page, part, between):
    opened(page, part=part, layer=1, head=1)
    panels = page.locator(".walk-panel")
    order = panels.evaluate_all("all => all.map(panel => panel.dataset.step)")
    assert order == [*BEFORE, *AFTER, *between, *END]
    titles = panels.locator("h2").all_inner_texts()
    assert [int(re.match(r"\d+", title)[0]) for title in titles] == list(range(1, len(order) + 1))
    sentences = panels.locator(".walk-sentence").all_inner_texts()
    assert len(sentences) == len(order) and all(text.endswith(".") for text in sentences)
    # Nothing is hidden: every panel is there to be scrolled to.
    assert all(panel.is_visible() for panel in panels.all())
    assert page.locator(".walk details").count() == 0
    listed = page.locator(".walk-contents a").all_inner_texts()
    assert [re.sub(r"\s+", "", text) for text in listed] == [
        re.sub(r"\s+", "", text) for text in titles
    ]


def test_links_lead_on_and_back_and_the_address_holds_the_panel(page):
    opened(page, part="encoder", layer=0, head=0)
    page.locator("#walk-scores .walk-neighbours a", has_text="Scaled").click()
    assert "step=scaled" in page.url
    assert page.evaluate("document.activeElement.id") == "walk-scaled-title"
    page.locator("#walk-scaled .walk-neighbours a", has_text="Raw scores").click()
    assert page.evaluate("document.activeElement.id") == "walk-scores-title"
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.locator("#walk-scores-title").wait_for()
    page.wait_for_function("() => document.activeElement?.id === 'walk-scores-title'")
    settled(page)
    assert page.locator("#walk-scores").evaluate(
        "e => e.getBoundingClientRect().top < innerHeight / 2"
    )


def ask(page, locator):
    """Ask where a number comes from; the panel."""
    locator.click()
    panel = page.locator("[role=dialog].where")
    panel.locator("pre").wait_for()
    return panel


CROSS = "decoder.layers.0.cross_attention"
ASKED = [
    ("embedding", "decoder.scaled_embedding"),
    ("norm", f"{CROSS}_norm.normalized"),
    ("score", f"{CROSS}.product"),
    ("score", f"{CROSS}.running_sum"),
    ("score", f"{CROSS}.scores"),
    ("softmax", f"{CROSS}.exp"),
    ("softmax", f"{CROSS}.exp_sum"),
    ("softmax", f"{CROSS}.weights"),
    ("contributions", f"{CROSS}.contributions"),
    ("contributions", f"{CROSS}.output"),
    ("heads", f"{CROSS}.projected"),
    ("feed", "decoder.layers.0.feed_forward.up"),
    ("logits", "logits"),
    ("words", "probabilities"),
]


def test_numbers_say_where_they_come_from_and_their_python_runs(page):
    opened(page, part="cross", layer=0, head=1, query=2)
    programs = []
    for panel, path in ASKED:
        button = page.locator(f"#walk-{panel} button.num[data-path='{path}']").last
        exact = button.get_attribute("title")
        where = ask(page, button)
        assert exact in where.inner_text(), path
        programs.append((path, exact, where.locator("pre").inner_text()))
        page.keyboard.press("Escape")
    for path, exact, program in programs:
        assert program.startswith("import numpy as np")
        ran = python(program)
        assert ran.returncode == 0, (path, ran.stderr)
        assert float(ran.stdout) == pytest.approx(number(exact), rel=1e-9, abs=1e-12)
    # The program would notice a wrong number.
    wrong = re.sub(r"np\.isclose\(value, (\S+),", r"np.isclose(value, \1 + 1,", program)
    assert wrong != program and "AssertionError" in python(wrong).stderr


def python(program):
    return subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True)


def test_masked_cells_are_hatched_and_where_nothing_is_masked_it_says_so(page):
    opened(page, part="decoder", layer=0, head=0, query=3)
    count = len(ids(page, "decoder.tokens"))
    later = count * (count - 1) // 2
    assert page.locator("#walk-masked td.masked").count() == later
    assert page.locator("#walk-softmax td.masked").count() == later
    assert page.locator("#walk-scores td.masked").count() == 0
    assert page.locator("#walk-masked .walk-swatch.masked").count() == count - 4
    said = page.locator(".walk-mask-status")
    assert said.inner_text() == f"In this row {count - 4} of {count} keys are masked (hatched)."
    opened(page, part="encoder", layer=0, head=0)
    assert "Nothing is masked here" in said.inner_text()
    assert page.locator("#walk-masked td.masked").count() == 0


def test_another_choice_draws_in_place(page):
    opened(page, part="encoder", layer=0, head=0, query=2, key=1)
    page.locator("#walk-softmax").evaluate("e => e.scrollIntoView()")
    before = page.evaluate("scrollY")
    page.locator("#walk-softmax").get_by_role("button", name="key 5", exact=False).first.click()
    page.wait_for_function("() => location.hash.includes('key=5')")
    settled(page)
    assert page.locator(CHOSEN).get_attribute("data-index") == "0,0,2,5"
    page.locator("#query").select_option("4")
    page.locator(f"{CHOSEN}[data-index='0,0,4,5']").wait_for()
    assert page.evaluate("scrollY") == before
    assert "query=4" in page.url


def test_the_key_is_the_one_with_the_largest_weight_where_none_is_chosen(page):
    opened(page, part="cross", layer=1, head=0, query=2)
    row = [s for s in numbers(page, "#walk-softmax table") if s.path.endswith(".weights")]
    largest = max(row, key=lambda shown: shown.value).index[-1]
    assert page.locator(CHOSEN).get_attribute("data-index") == f"0,0,2,{largest}"


def test_a_vector_is_walked_by_keyboard_and_pointed_at(page, traced):
    opened(page, part="cross", layer=0, head=1, query=1)
    trace = traced(ids(page, "decoder.tokens"))
    vector = trace["decoder.layers.0.cross_attention.concatenated"].value[0, 1]
    grid = page.locator("#walk-heads").get_by_role("grid").first
    read = page.locator("#walk-heads .walk-readout").first.locator("button")
    grid.locator("[tabindex='0']").focus()
    for key, component in [("End", 255), ("ArrowLeft", 254), ("Home", 0), ("ArrowRight", 1)]:
        page.keyboard.press(key)
        focused = page.locator(":focus")
        assert focused.get_attribute("role") == "gridcell"
        assert f"component {component} of 0–255" in focused.get_attribute("aria-label")
        assert number(read.get_attribute("title")) == vector[component]
    page.keyboard.press("Enter")
    assert "concatenated[0, 1, 1]" in page.locator("[role=dialog].where").inner_text()
    page.keyboard.press("Escape")
    grid.locator(".walk-vectors-touch").hover(position={"x": 2, "y": 5})
    assert read.get_attribute("data-index") == "0,1,0"


def test_colours_tell_the_signs_of_a_vector(page, traced):
    opened(page, part="encoder", layer=0, head=0, query=1, theme="light")
    trace = traced(decoder_input(page))
    vector = trace["encoder.layers.0.input"].value[0, 1]
    pixel = """(canvas, at) => {
        const x = Math.floor((at + 0.5) * canvas.width / 256);
        return [...canvas.getContext('2d').getImageData(x, canvas.height >> 1, 1, 1).data];
    }"""
    canvas = page.locator("#walk-input canvas").first
    red, _, blue, _ = canvas.evaluate(pixel, int(vector.argmax()))
    assert red > blue + 40  # orange
    red, _, blue, _ = canvas.evaluate(pixel, int(vector.argmin()))
    assert blue > red + 40  # violet
    zero = canvas.evaluate(pixel, int(np.abs(vector).argmin()))
    assert min(zero[:3]) > 225


def test_all_by_keyboard(page):
    opened(page, part="encoder", layer=0, head=0, query=0, key=0)
    page.locator("#walk-softmax h2").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#walk-softmax table button')"):
            break
    assert page.evaluate("document.activeElement.textContent").startswith("0")
    # The whole table is one stop; arrows go through its cells.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash.includes('key=2')")
    settled(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.path").endswith("self_attention.exp")
    assert page.evaluate("document.activeElement.dataset.index") == "0,0,0,2"
    page.keyboard.press("Enter")
    page.locator(".where pre").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.index") == "0,0,0,2"
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.matches('#walk-softmax .walk-table table *')")
    link = page.locator("#walk-softmax .walk-neighbours a").last
    link.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "walk-contributions-title"


def test_portuguese(page):
    opened(page, part="decoder", layer=1, head=0, language="en")
    english = page.locator(".walk-sentence, .walk-panel h2, .walk h3").all_inner_texts()
    opened(page, part="decoder", layer=1, head=0, language="pt")
    page.get_by_role("heading", name="Contribuições").wait_for()
    portuguese = page.locator(".walk-sentence, .walk-panel h2, .walk h3").all_inner_texts()
    assert len(english) == len(portuguese)
    same = [text for text, other in zip(english, portuguese, strict=True) if text == other]
    assert {re.sub(r"^\d+\s*", "", text) for text in same} <= {
        "Softmax",
        "Embedding",
        "Feed-forward",
        "Logits",
    }
    assert "pesos de roteamento" in " ".join(portuguese)
    assert page.locator(".walk-mask-status").inner_text().startswith("Nesta linha")


LONG = " ".join(["the old man and the young woman walked slowly along the river"] * 6) + "."


def test_a_long_sentence_says_what_is_not_shown(page):
    opened(page, text=LONG, part="encoder", layer=0, head=1, query=40, key=41)
    of = len(ids(page, "encoder.tokens"))
    assert of > 60
    table = page.locator("#walk-softmax .walk-table tbody tr")
    assert table.count() == 24
    said = page.locator("#walk-softmax .walk-truncation")
    first, last = map(int, re.search(r"Keys (\d+)–(\d+) of", said.last.inner_text()).groups())
    assert last - first == 23 and first <= 41 <= last
    assert f"of 0–{of - 1} are shown" in said.last.inner_text()
    elsewhere = page.locator("#walk-softmax .walk-note", has_text="not shown").inner_text()
    count, mass = re.search(r"The (\d+) keys not shown hold ([\d.e-]+)", elsewhere).groups()
    here = sum(s.value for s in numbers(page, "#walk-softmax table") if s.path.endswith(".weights"))
    assert int(count) == of - 24
    assert here + float(mass) == pytest.approx(1, abs=2e-3)
    said.last.get_by_role("button", name="later").click()
    settled(page)
    page.wait_for_function(
        "first => document.querySelector('#walk-softmax .walk-table tbody button').textContent.startsWith(first)",
        arg=str(last + 1 if last + 24 < of else of - 24),
    )


def test_pictures_and_numbers_are_saved(page, traced):
    opened(page, part="decoder", layer=0, head=2, query=3)
    trace = traced(ids(page, "decoder.tokens"))
    saved = {}
    for kind in ("SVG", "PNG", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
            page.get_by_role("menuitem", name=re.compile(kind)).click()
        saved[kind] = download.value.path().read_bytes()
    assert saved["PNG"].startswith(b"\x89PNG")
    svg = saved["SVG"].decode()
    count = trace["decoder.tokens"].value.shape[1]
    # Scores, scaled and masked scores and weights; 64 components for each key and for their sum.
    masked = count * (count - 1) // 2
    drawn = 4 * count * count - masked + 64 * (count + 1)
    assert svg.count('class="cell"') in (drawn, drawn - masked)
    for title in ("Raw scores", "Scaled", "Masked", "Softmax", "Contributions"):
        assert title in svg
    shown = json.loads(saved["JSON"])["shown"]
    kept = {entry["path"]: entry for entry in shown["numbers"]}
    for name in ("scores", "weights", "contributions", "masked"):
        entry = kept[f"decoder.layers.0.self_attention.{name}"]
        window = tuple(slice(*axis) for axis in entry["window"])
        wanted = trace[entry["path"]].value[window].ravel()
        got = [-np.inf if value is None else value for value in entry["values"]]
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "config",
    [
        {"norm_place": "after", "positions": "learned", "activation": "gelu"},
        {"norm": "rms", "positions": "rotary", "activation": "swiglu", "num_kv_heads": 1},
        {"positions": "alibi", "scale_embedding": False},
    ],
)
def test_other_shapes_of_transformers(browser, tmp_path, config):
    folder = write_checkpoint(tmp_path / "xx-yy", **config)
    checkpoint = read_checkpoint(folder)
    reference = Transformer(checkpoint.config, checkpoint.weights)
    with served("--model", str(folder)) as running:
        page = browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        opened(
            page, f"{running.base}/", text="a small one", part="decoder", layer=0, head=1, query=0
        )
        target = ids(page, "decoder.tokens")
        source = [*checkpoint.tokenizer.encode("a small one"), checkpoint.config.end_id]
        trace = Trace(keep="*")
        reference.forward(np.array([source]), np.array([target]), trace=trace)
        steps = page.locator(".walk-panel").evaluate_all("all => all.map(e => e.dataset.step)")
        after = config.get("norm_place") == "after"
        assert steps == [s for s in [*BEFORE, *AFTER, "cross", *END] if not (after and s == "norm")]
        for shown in numbers(page):
            name = shown.path.rpartition(".")[2]
            if name in ("product", "running_sum"):
                continue
            wanted = expected(shown, trace, reference.weights, "decoder", 0, 1)
            assert shown.value == pytest.approx(wanted, rel=1e-12, abs=1e-12), shown
        assert not errors and page.locator(".walk-failed").count() == 0
        page.close()
