"""What is exported as a picture can be put on a slide: it says of what it is, and hugs it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.explorer.browser.looking import TEXT, address, explorer, python_run
from tests.explorer.browser.notebook import notebook, show
from tests.explorer.browser.test_recordings import EXPLORERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {13, 16, 20, 24, 34}  # the page's five, in pixels
MARGIN, WIDEST = 40, 1280
LONG = (
    "When the old captain came back to the harbour after many years at sea, nobody in the small "
    "town knew the songs that he used to sing on the beach before the lamps were lit."
)
HEAD = {"part": "cross", "layer": 1, "head": 1, "query": 1}
EDIT = [{"kind": "mask_token", "position": 1}]
VIEWS = ["walk", "heads", "words", "lens", "what_if", "compare"]

# Of a saved SVG: what Chromium says of its boxes, its texts by class, and its colours.
MEASURE = """svg => {
  const host = document.createElement("div");
  host.style.position = "absolute";
  host.innerHTML = svg.slice(svg.indexOf("<svg"));
  document.body.append(host);
  const root = host.querySelector("svg");
  const frame = root.getBoundingClientRect();
  const union = selector => {
    const boxes = [...root.querySelectorAll(selector)].map(one => one.getBoundingClientRect());
    return {
      left: Math.min(...boxes.map(box => box.left)) - frame.left,
      top: Math.min(...boxes.map(box => box.top)) - frame.top,
      right: Math.max(...boxes.map(box => box.right)) - frame.left,
      bottom: Math.max(...boxes.map(box => box.bottom)) - frame.top,
    };
  };
  const all = "rect:not(.background), path, line, text";
  const about = /^slide-/;
  const texts = [...root.querySelectorAll("text")];
  const said = name => texts.filter(text => text.classList.contains(name))
    .map(text => text.textContent).join(" ");
  const { width, height } = root.viewBox.baseVal;
  const result = {
    width, height,
    all: union(all),
    content: union("rect:not(.background), path, line:not(.slide-rule), "
      + "text:not([class^=slide-])"),
    rule: union(".slide-rule"),
    sizes: [...new Set(texts.map(text => Number(text.getAttribute("font-size"))))],
    title: said("slide-title"), model: said("slide-model"), place: said("slide-place"),
    below: texts.filter(text => text.getBoundingClientRect().top
      > root.querySelector(".slide-rule").getBoundingClientRect().top)
      .map(text => text.textContent),
    ground: root.querySelector(".background").getAttribute("fill"),
    ink: root.querySelector(".slide-title").getAttribute("fill"),
  };
  host.remove();
  return result;
}"""


def saved(page: Any, menu: str, ending: str = "SVG") -> bytes:
    """What an entry of the export menu saves."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name=f"{menu} as {ending}").click()
    return Path(waiting.value.path()).read_bytes()


def measured(page: Page, menu: str) -> dict[str, Any]:
    return page.evaluate(MEASURE, saved(page, menu).decode())


def check(slide: dict[str, Any], sentence: str, model: str = "en-fr") -> None:
    """What every picture has: sentence, name, scale; type that can be read; even margins."""
    assert sentence in slide["title"]
    assert slide["model"].startswith(f"Model: {model}")
    # The scale: at least its lowest and its highest number.
    numbers = [text for text in slide["below"] if re.fullmatch(r"−?\d+(\.\d+)?(e.*)?", text)]
    assert len(numbers) >= 2, slide["below"]
    assert set(slide["sizes"]) <= SIZES
    assert slide["width"] <= WIDEST
    box = slide["all"]
    margins = [
        box["left"],
        box["top"],
        slide["width"] - box["right"],
        slide["height"] - box["bottom"],
    ]
    assert margins == pytest.approx([MARGIN] * 4, abs=3)
    # Not the line across its foot alone: the picture and its scale fill most of the width.
    content = slide["content"]
    assert content["right"] - content["left"] >= 0.7 * (slide["width"] - 2 * MARGIN)


def ready(page: Page, view: str) -> None:
    """Wait until a view has what its picture shows."""
    page.wait_for_selector(f".page[aria-busy=false] #view[data-view={view}]")
    first = {
        "walk": "#view .walk-stage, #view .walk-panel",
        "heads": "#view table.matrix td.masked, #view table.matrix td",
        "words": "#view .words-sources .num",
        "lens": "#view .lens-summands tbody tr",
        "what_if": "#view .per-word tbody tr",
        "compare": "#view table.links tbody tr",
    }[view]
    page.locator(first).first.wait_for()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_saved_as_a_slide(page, view):
    edits = {"edits": EDIT} if view == "what_if" else {}
    page.goto(address(view, theme="dark", **HEAD, **edits))
    ready(page, view)
    page.wait_for_load_state("networkidle")
    slide = measured(page, "This view")
    run = python_run(**edits)
    check(slide, f"{TEXT} → {run['translation']}")
    if view in ("walk", "heads", "words", "compare"):
        assert slide["place"].startswith("Cross-attention, layer 1, head 1")
    colours = page.evaluate(
        "() => { const style = getComputedStyle(document.querySelector('.clearhead .page'));"
        "return ['--paper', '--ink'].map(name => style.getPropertyValue(name).trim()) }"
    )
    assert [slide["ground"], slide["ink"]] == colours


@pytest.mark.parametrize("view", ["heads", "words"])
def test_a_long_sentence_is_said_whole(page, view):
    page.goto(address(view, LONG, **HEAD))
    ready(page, view)
    page.wait_for_load_state("networkidle")
    check(measured(page, "This view"), LONG)


@pytest.mark.parametrize("text", [TEXT, LONG])
def test_the_ribbons_are_saved_as_the_page_has_them(page, text):
    page.goto(address("words", text, theme="light", screen="projector", **HEAD))
    page.locator(".opening-ribbon").first.wait_for()
    page.wait_for_selector(".page[aria-busy=false]")
    drawing = saved(page, "The ribbons").decode()
    slide = page.evaluate(MEASURE, drawing)
    check(slide, text)
    assert {"0.04", "1"} <= set(slide["below"])  # the widths' scale, from the least that is drawn
    colours = page.locator(".opening-ribbon").evaluate_all(
        "all => [...new Set(all.map(one => getComputedStyle(one).fill))].sort()"
    )
    fills = sorted(set(re.findall(r'class="ribbon" d="[^"]+" fill="(#\w+)"', drawing)))
    as_rgb = [f"rgb({', '.join(str(int(f[at : at + 2], 16)) for at in (1, 3, 5))})" for f in fills]
    assert sorted(as_rgb) == colours
    assert drawing.count('class="ribbon"') == page.locator(".opening-ribbon").count()
    assert slide["ground"] == "#ffffff"  # a projector's
    assert slide["ink"] == "#000000"
    assert saved(page, "The ribbons", "PNG").startswith(b"\x89PNG")


def test_a_ribbon_is_as_wide_as_the_scale_says(page):
    page.goto(address("words", **HEAD))
    page.locator(".opening-ribbon").first.wait_for()
    drawing = saved(page, "The ribbons").decode()
    widest = float(re.search(r'class="scale" d="M0 \S+L200 (\S+?)L', drawing)[1])
    # The scale's end is centred on its middle line; weights are those of the alignment.
    weights = explorer().answer("alignment", {"run": python_run()["request"]}).json["weights"]
    expected = sorted(weight for row in weights for weight in row if weight >= 0.04)
    starts = re.findall(r'class="ribbon" d="M([\d.]+) [\d.]+C.*?Z"', drawing)
    ends = re.findall(r'class="ribbon" d="M.*?C[^L]*L.*?C[^Z]* ([\d.]+) [\d.]+Z"', drawing)
    widths = sorted(float(end) - float(start) for start, end in zip(starts, ends, strict=True))
    largest = widths[-1] / expected[-1]
    assert widths == pytest.approx([max(1.2, largest * weight) for weight in expected], abs=0.21)
    line = float(re.search(r'class="scale" d="M0 \S+L200 \S+L200 (\S+?)L', drawing)[1])
    assert line - widest == pytest.approx(largest, abs=0.3)


def test_without_edits_there_is_no_before_and_after_to_save(page):
    page.goto(address("what_if", **HEAD))
    page.wait_for_selector(".page[aria-busy=false] #view[data-view=what_if]")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="This view as PNG").click()
    status = page.locator(".export [role=status]")
    status.wait_for()
    assert status.inner_text() == "This view has nothing to export yet."


def test_a_recording_is_saved_as_a_slide_with_its_tokens(browser: Browser):
    errors: list[str] = []
    opened = notebook(browser, errors, short=EXPLORERS["short"])
    cell = show(opened, "short", "#view=heads&part=self&layer=1&head=2&query=3&language=en")
    cell.locator("#view[data-view=heads] [role=grid]").first.wait_for()
    opened.wait_for_timeout(500)
    cell.get_by_role("button", name="Export").click()
    with opened.expect_download() as waiting:
        cell.get_by_role("menuitem", name="This view as SVG").click()
    drawing = Path(waiting.value.path()).read_text("utf-8")
    slide = opened.evaluate(MEASURE, drawing)
    opened.context.close()
    assert not errors, json.dumps(errors)
    check(slide, "one two three four five six", "Tiny")
    assert slide["place"].startswith("Self-attention, layer 1, head 2")
