"""What is exported is what is shown: SVG, PNG and JSON of the heads view."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.explorer.browser.reference_numbers import Sentence, depths

CAT = Sentence("The cat sleeps on the red chair.")
SVG = "{http://www.w3.org/2000/svg}"
DEPTHS = depths()
KINDS = {"svg": "SVG", "png": "PNG", "json": "JSON"}


@pytest.fixture(scope="module", params=["light", "dark"])
def exported(request, browser, server):
    """The three files of one locked decoder head, by their endings."""
    with browser.new_context(base_url=server, viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(CAT.address(part="decoder", layer=1, head=2, query=4, theme=request.param))
        page.wait_for_function(
            """heads => document.querySelector('.heads-keys li')
                && document.querySelectorAll('.heads-head canvas').length === heads
                && document.querySelector('table.matrix td.masked')""",
            arg=4 * sum(DEPTHS.values()),
        )
        files = {"theme": request.param}
        for ending, name in KINDS.items():
            page.get_by_role("button", name="Export").click()
            with page.expect_download() as waiting:
                page.get_by_role("menuitem", name=f"This view as {name}").click()
            with open(waiting.value.path(), "rb") as file:
                files[ending] = file.read()
            assert waiting.value.suggested_filename == f"clearhead-heads.{ending}"
        files["paper"] = page.evaluate(
            "() => getComputedStyle(document.querySelector('.clearhead .page'))"
            ".getPropertyValue('--paper')"
        )
        yield files


def items(exported, kind):
    root = ElementTree.fromstring(exported["svg"])
    return [element for element in root.iter(SVG + "rect") if element.get("class") == kind]


def test_the_svg_is_well_formed_and_stands_alone(exported):
    root = ElementTree.fromstring(exported["svg"])
    assert root.tag == SVG + "svg"
    assert root.find(SVG + "title").text == "Routing weights of all heads"
    assert CAT.text in root.find(SVG + "desc").text
    assert float(root.get("width")) > 600
    assert float(root.get("height")) > 600
    text = exported["svg"].decode()
    assert not re.search(r"<(script|image|foreignObject|style|use)|href|url\(|opacity", text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_the_svg_has_every_cell_of_every_head(exported):
    source, target = len(CAT.source), len(CAT.decoder_input)
    causal = target * (target + 1) // 2
    hidden = target * (target - 1) // 2
    cells = {"encoder": source**2, "decoder": causal, "cross": target * source}
    heads = 4 * sum(DEPTHS[part] * count for part, count in cells.items())
    assert len(items(exported, "cell")) == heads + causal
    masked = 4 * DEPTHS["decoder"] * hidden + hidden
    assert len(items(exported, "masked")) == masked
    root = ElementTree.fromstring(exported["svg"])
    hatches = [path for path in root.iter(SVG + "path") if path.get("class") == "hatch"]
    assert len(hatches) == masked + 1  # and the legend's
    assert all(re.fullmatch(r"[ML\d. -]+", path.get("d")) for path in hatches)


def test_the_svg_says_its_numbers_tokens_and_scale(exported):
    texts = [element.text for element in ElementTree.fromstring(exported["svg"]).iter(SVG + "text")]
    weights = CAT.weights("decoder", 1)[2]
    shown = [f"{w:.2f}" for w in weights[np.tril_indices(len(weights))]]
    cells = [
        element.text
        for element in ElementTree.fromstring(exported["svg"]).iter(SVG + "text")
        if element.get("class") is None and re.fullmatch(r"\d\.\d\d", element.text or "")
    ]
    assert sorted(cells) == sorted([*shown, "0.25", "0.75"])  # the scale's own
    for expected in ("routing weight", "masked", "0", "0.5", "1", *CAT.decoder_input):
        assert expected in texts
    drawing = ElementTree.fromstring(exported["svg"]).iter(SVG + "text")
    assert [text.text for text in drawing if text.get("class") == "entropy"] == [
        f"{entropy:.2f}"
        for part, layers in DEPTHS.items()
        for layer in range(layers)
        for entropy in CAT.entropy(part, layer)
    ]


def test_the_svg_draws_one_line_for_each_key_that_may_be_attended_to(exported):
    root = ElementTree.fromstring(exported["svg"])
    lines = [line for line in root.iter(SVG + "line") if line.get("class") == "link"]
    weights = CAT.weights("decoder", 1)[2][4][:5]
    widths = [float(line.get("stroke-width")) for line in lines]
    assert widths == pytest.approx(np.maximum(0.75, 14 * weights), abs=0.006)


def test_the_pictures_ground_is_the_pages(exported):
    (ground,) = items(exported, "background")
    assert ground.get("fill") == exported["paper"].strip()


def test_the_png_is_the_svg_at_twice_the_size(exported):
    image_of = pytest.importorskip("PIL.Image")
    picture = image_of.open(io.BytesIO(exported["png"])).convert("RGB")
    root = ElementTree.fromstring(exported["svg"])
    size = (round(2 * float(root.get("width"))), round(2 * float(root.get("height"))))
    assert picture.size == size
    pixels = np.asarray(picture)
    cells = items(exported, "cell")
    assert cells
    for cell in cells:
        # A corner of the cell: its middle may hold a number.
        x, y = (2 * float(cell.get(axis)) + 4 for axis in "xy")
        colour = [int(cell.get("fill")[at : at + 2], 16) for at in (1, 3, 5)]
        assert np.abs(pixels[int(y), int(x)].astype(int) - colour).max() <= 1


def test_the_json_holds_the_weights_to_the_last_digit(exported):
    saved = json.loads(exported["json"])
    assert saved["view"] == "heads"
    assert saved["state"]["text"] == CAT.text
    locked = saved["shown"]["locked"]
    assert locked["path"] == "decoder.layers.1.self_attention.weights"
    assert locked["head"] == 2
    assert locked["queries"]["tokens"] == locked["keys"]["tokens"] == CAT.decoder_input
    weights, masked = CAT.weights("decoder", 1)[2], CAT.masked("decoder", 1)[2]
    assert locked["weights"] == [
        [None if hidden else weight for weight, hidden in zip(*row, strict=True)]
        for row in zip(weights.tolist(), masked, strict=True)
    ]
    heads = saved["shown"]["heads"]
    assert len(heads) == 4 * sum(DEPTHS.values())
    for head in heads:
        expected = CAT.entropy(head["part"], head["layer"])[head["head"]]
        assert head["mean_entropy_nats"] == pytest.approx(expected, rel=1e-9)
