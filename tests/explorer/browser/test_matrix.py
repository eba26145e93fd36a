"""The matrix: its numbers are the reference's, for eye, keyboard and screen reader alike."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.explorer.browser.reference_numbers import Sentence

CAT = Sentence("The cat sleeps on the red chair.")
# More than 48 tokens on both sides, and few enough to be walked in one piece. A given translation
# needs no search.
LONG = Sentence(
    "the cat sleeps on the red chair, " * 6 + "and sleeps.",
    "le chat dort sur la chaise rouge, " * 7 + "et dort.",
)
GRID = "table.matrix"


@pytest.fixture(scope="module")
def shared(browser, server):
    """One page for all tests here: only its address changes, so the application starts once."""
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


@pytest.fixture
def page(shared):
    shared.mouse.move(0, 0)
    return shared


def opened(page, sentence=CAT, **state):
    if sentence is LONG:
        page.goto("about:blank")  # a window that was moved stays where it is
    page.goto(sentence.address(**{"part": "cross", "layer": 1, "head": 2, "query": 4, **state}))
    page.wait_for_function(
        """text => {
            const cell = document.querySelector('.heads table.matrix td[data-row]');
            return document.querySelector('[aria-busy="false"]')
                && document.querySelector('textarea, input[type=text]')?.value === text
                && cell && (cell.getAttribute('aria-label') ?? cell.textContent) !== '…';
        }""",
        arg=sentence.text,
    )


def cell(page, row, column):
    return page.locator(f'{GRID} td[data-row="{row}"][data-column="{column}"]')


def focused(page):
    return page.evaluate(
        "() => [document.activeElement.dataset.row, document.activeElement.dataset.column]"
        ".map(Number)"
    )


def texts(page):
    """Rows of what the cells say, to a reader and to a screen reader."""
    return page.evaluate(
        """() => [...document.querySelectorAll('table.matrix tbody tr')].map(row =>
            [...row.querySelectorAll('td')].map(c => c.getAttribute('aria-label') ?? c.textContent))
        """
    )


def live(page):
    return page.locator(".matrix-live").inner_text()


def test_every_number_is_the_references(page):
    opened(page)
    weights = CAT.weights("cross", 1)[2]
    assert texts(page) == [[f"{weight:.2f}" for weight in row] for row in weights]


def test_rows_and_columns_have_headers(page):
    opened(page)
    grid = page.get_by_role("grid", name=re.compile("cross-attention, layer 1, head 2", re.I))
    assert grid.locator("th[scope=row]").all_inner_texts() == CAT.decoder_input
    assert grid.locator("th[scope=col]").all_inner_texts() == CAT.source
    assert grid.get_attribute("aria-rowcount") == str(len(CAT.decoder_input) + 1)
    snapshot = grid.aria_snapshot()
    assert "rowheader" in snapshot
    assert "columnheader" in snapshot
    assert "gridcell" in snapshot


def test_keys_move_through_the_cells(page):
    opened(page)
    rows, columns = CAT.weights("cross", 1)[2].shape
    assert page.locator(f"{GRID} td[tabindex='0']").count() == 1
    cell(page, 4, 0).focus()
    moves = [
        ("ArrowRight", (4, 1)),
        ("ArrowDown", (5, 1)),
        ("ArrowLeft", (5, 0)),
        ("ArrowLeft", (5, 0)),
        ("ArrowUp", (4, 0)),
        ("End", (4, columns - 1)),
        ("Home", (4, 0)),
        ("Control+End", (rows - 1, columns - 1)),
        ("Control+Home", (0, 0)),
        ("PageDown", (rows - 1, 0)),
        ("PageUp", (0, 0)),
    ]
    for key, expected in moves:
        page.keyboard.press(key)
        assert tuple(focused(page)) == expected, key
        assert page.locator(f"{GRID} td[tabindex='0']").count() == 1


def test_the_live_line_says_row_column_and_value(page):
    opened(page)
    cell(page, 4, 3).focus()
    page.keyboard.press("ArrowRight")
    weight = CAT.weights("cross", 1)[2][4, 4]
    said = live(page)
    assert f"query 4 “{CAT.decoder_input[4]}”" in said
    assert f"key 4 “{CAT.source[4]}”" in said
    assert f"routing weight {weight:#.4g}." in said
    number = page.locator(".matrix-live button.num")
    assert number.get_attribute("data-path") == "decoder.layers.1.cross_attention.weights"
    assert number.get_attribute("data-index") == "0,2,4,4"


def test_enter_locks_query_and_key_in_the_address(page):
    opened(page)
    cell(page, 4, 3).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => /query=5/.test(location.hash) && /key=3/.test(location.hash)")
    assert cell(page, 5, 3).get_attribute("aria-selected") == "true"
    assert page.locator(f"{GRID} th.chosen").all_inner_texts() == [
        CAT.source[3],
        CAT.decoder_input[5],
    ]


def test_the_pointed_cells_row_and_column_are_banded(page):
    opened(page)
    target = cell(page, 2, 6)
    target.hover()
    box = target.bounding_box()
    bands = page.locator(".crosshair.pointed")
    assert bands.count() == 2
    across, down = (bands.nth(at).bounding_box() for at in range(2))
    assert across["y"] == pytest.approx(box["y"], abs=1.5)
    assert across["height"] == pytest.approx(box["height"], abs=1.5)
    assert across["width"] > 8 * box["width"]
    assert down["x"] == pytest.approx(box["x"], abs=1.5)
    assert down["width"] == pytest.approx(box["width"], abs=1.5)
    assert down["height"] > 8 * box["height"]
    assert "query 2 " in live(page)
    assert "key 6 " in live(page)


def test_masked_cells_are_hatched_and_never_a_number(page):
    opened(page, part="decoder", layer=0, head=1)
    masked = CAT.masked("decoder", 0)[1]
    said = texts(page)
    for row, hidden in enumerate(masked):
        for column, is_hidden in enumerate(hidden):
            assert (said[row][column] == "masked") == is_hidden
    cells = page.locator(f"{GRID} td.masked")
    count = len(CAT.decoder_input)
    assert cells.count() == masked.sum() == count * (count - 1) / 2
    assert page.locator(f"{GRID} td.masked svg path.hatch-line").count() == masked.sum()
    assert page.locator(f"{GRID} td.masked").first.inner_text() == ""
    cell(page, 0, 5).focus()
    assert "masked: may not attend" in live(page)
    assert page.locator(".matrix-live button.num").count() == 0


class TestWindows:
    def test_at_most_48_by_48_and_the_rest_is_told(self, page):
        opened(page, LONG, part="cross", query=0)
        shape = LONG.weights("cross", 1)[2].shape
        assert min(shape) > 50
        said = texts(page)
        assert (len(said), len(said[0])) == (48, 48)
        told = page.locator(".matrix-truncation").inner_text()
        assert "queries 0–47" in told
        assert f"of {shape[0]}" in told
        assert "keys 0–47" in told
        assert f"of {shape[1]}" in told

    def test_walking_out_of_the_window_moves_it(self, page):
        opened(page, LONG, part="cross", query=0)
        weights = LONG.weights("cross", 1)[2]
        cell(page, 0, 0).focus()
        page.keyboard.press("Control+End")
        rows, columns = weights.shape
        page.wait_for_function(
            "([row, column]) => { const cell = document.activeElement;"
            "  return cell.dataset.row === String(row) && cell.dataset.column === String(column)"
            "    && cell.getAttribute('aria-label') !== '…'; }",
            arg=[rows - 1, columns - 1],
        )
        shown = weights[-48:, -48:]
        assert texts(page) == [[f"{weight:.2f}" for weight in row] for row in shown]
        page.keyboard.press("PageUp")
        assert focused(page) == [rows - 1 - 48, columns - 1]

    def test_sliders_and_the_small_picture_move_it(self, page):
        opened(page, LONG, part="cross", query=0)
        rows, columns = LONG.weights("cross", 1)[2].shape
        slider = page.get_by_label("first key shown")
        slider.focus()
        slider.press("End")
        page.wait_for_selector(f'{GRID} td[data-column="{columns - 1}"]')
        picture = page.locator(".window-picker-picture")
        box = picture.bounding_box()
        page.mouse.click(box["x"] + 2, box["y"] + box["height"] - 2)
        page.wait_for_selector(f'{GRID} td[data-row="{rows - 1}"][data-column="0"]')
        assert page.locator(f'{GRID} td[data-row="0"]').count() == 0

    def test_numbers_are_asked_for_one_window_at_a_time(self, page):
        asked = []
        page.on(
            "request",
            lambda sent: asked.append(sent.post_data_json) if "api/array" in sent.url else None,
        )
        opened(page, LONG, part="cross", query=0)
        items = [item for body in asked for item in body["items"]]
        assert items
        for item in items:
            batch, heads, queries, keys = (stop - start for start, stop in item["window"])
            assert (batch, heads) == (1, 1)
            assert (queries <= 48 and keys <= 48) or queries == 1


# The scales, as their legends show them

DEUTERANOPIA = np.array(  # Machado, Oliveira, Fernandes 2009, severity 1, linear sRGB
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)


def linear(colours):
    """Linear sRGB of "rgb(r, g, b)" or "#rrggbb"."""
    numbers = np.array(
        [
            [int(c[i : i + 2], 16) for i in (1, 3, 5)]
            if c.startswith("#")
            else [int(n) for n in re.findall(r"\d+", c)[:3]]
            for c in colours
        ]
    )
    share = numbers / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def luminance(colours):
    return linear(colours) @ [0.2126, 0.7152, 0.0722]


def lab(linear_colours):
    """CIE L*a*b*, D65; a distance of 2.3 is just noticeable."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = np.clip(linear_colours, 0, 1) @ to_xyz.T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def legend(page, name):
    """The colours of a legend's bar, from its low end to its high one."""
    bar = page.locator(f"svg.legend[aria-label^='{name}']").first
    bar.wait_for()
    fills = bar.evaluate(
        "svg => [...svg.querySelectorAll('rect')].map(r => r.getAttribute('fill'))"
    )
    return fills[:80]


@pytest.mark.parametrize("theme", ["light", "dark"])
class TestScales:
    def test_weights_are_monotone_and_told_apart_without_red_and_green(self, page, theme):
        page.goto(CAT.address(theme=theme))
        colours = legend(page, "routing weight")
        steps = np.diff(luminance(colours))
        assert (steps < 0).all() if theme == "light" else (steps > 0).all()
        seen = lab(linear(colours) @ DEUTERANOPIA.T)
        # A tenth of the scale apart is told apart, with normal sight and without red and green.
        for colour in (seen, lab(linear(colours))):
            assert np.linalg.norm(colour[8:] - colour[:-8], axis=1).min() > 4.5

    def test_scores_diverge_from_zero_alike(self, page, theme):
        page.goto(CAT.address(theme=theme, view="walk", panels="all"))
        colours = legend(page, "score")
        light = luminance(colours)
        away = np.abs(np.arange(80) - 39.5)
        outwards = np.argsort(away, kind="stable")
        falling = light[outwards[0::2]], light[outwards[1::2]]
        for side in falling:
            steps = np.diff(side)
            assert (steps < 0).all() if theme == "light" else (steps > 0).all()
        # Equal magnitudes are equally far from the middle in lightness: no sign looks larger.
        lightness = lab(linear(colours))[:, 0]
        assert np.abs(lightness - lightness[::-1]).max() < 6
        # The sign is told apart at a tenth of the scale and more, without red and green.
        seen = lab(linear(colours) @ DEUTERANOPIA.T)
        assert np.linalg.norm(seen[:36] - seen[::-1][:36], axis=1).min() > 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_on_cells_have_contrast(page, theme):
    opened(page, theme=theme)
    colours = page.evaluate(
        """() => [...document.querySelectorAll('table.matrix td[data-row]')].map(cell => {
            const style = getComputedStyle(cell); return [style.color, style.backgroundColor]; })"""
    )
    ink, ground = (luminance([pair[at] for pair in colours]) for at in range(2))
    ratio = (np.maximum(ink, ground) + 0.05) / (np.minimum(ink, ground) + 0.05)
    assert ratio.min() >= 4.5
